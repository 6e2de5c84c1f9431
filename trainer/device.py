"""Where a training runs and in which precision: decided once per training, with the reason as text.

CUDA where there is one, else the CPU. bf16 from Ampere on (compute capability 8), fp16 with a
gradient scaler on V100 and T4 (7.x), bf16 on a CPU with AMX, fp32 elsewhere. What a device cannot
do is not refused but replaced, and the reason says so: a configuration moves between machines.

On a CPU, bf16 is for the products with the vocabulary alone (projection.py), whose sums and results
stay in fp32: autocast of the whole model gains nothing there (docs/benchmarks/trial.md).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch

from config.counting import counted
from trainer.cores import cores
from trainer.errors import TrainerError

PrecisionName = Literal["bf16", "fp16", "fp32"]
BF16_CAPABILITY = (8, 0)
FP16_CAPABILITY = (7, 0)
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


@dataclass(frozen=True)
class Precision:
    """The precision of the matrix products, on a CPU of those with the vocabulary.

    Weights and optimizer stay in fp32.
    """

    name: PrecisionName
    reason: str

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Return the context in which the model is run; does nothing for fp32, nor on a CPU."""
        dtype = self.dtype(device)
        if dtype is torch.float32:
            return nullcontext()
        return torch.autocast(device.type, dtype=dtype)

    def dtype(self, device: torch.device) -> torch.dtype:
        """Return what autocast multiplies in there; on a CPU single precision."""
        return torch.float32 if device.type == "cpu" else _DTYPES[self.name]


def pick_device() -> torch.device:
    """Return the first visible CUDA device, or the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def device_name(device: torch.device) -> str:
    """Return what the device is called: `cpu`, or the card's name."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def place_of(device: torch.device, precision: Precision, threads: int) -> str:
    """Return in words what a training runs on, as far as its score depends on it."""
    place = f"{device_name(device)} in {precision.name}"
    return f"{place} with {counted(threads, 'thread')}" if device.type == "cpu" else place


def cuda_in_use() -> bool:
    """Say whether this process has used a CUDA device; asking does not begin to use one."""
    return torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]


def check_kernels(device: torch.device) -> None:
    """Raise TrainerError for a card that this build of torch has no kernels for."""
    if device.type != "cuda":
        return
    if no_kernels := without_kernels(
        device_name(device), torch.cuda.get_device_capability(device), torch.cuda.get_arch_list()
    ):
        raise TrainerError(f"{no_kernels}; install another build, see docs/setup.md, A GPU host")


def without_kernels(card: str, capability: tuple[int, int], built: Sequence[str]) -> str | None:
    """Say that there are none for the card among `built`, as `sm_75` or `compute_120`; else None.

    Those of an architecture serve its later minors, and what is compiled on the card all later
    ones. None too where nothing is known.
    """
    major, minor = capability
    for name in built:
        kind, _, digits = name.partition("_")
        number = int("".join(filter(str.isdigit, digits)) or 0)
        if kind == "compute" and number <= 10 * major + minor:
            return None
        if kind != "compute" and number // 10 == major and number % 10 <= minor:
            return None
    if not built:
        return None
    return (
        f"{card} has compute capability {major}.{minor}, and torch {torch.__version__} has kernels"
        f" for {', '.join(built)} alone"
    )


def pick_precision(wanted: str, device: torch.device) -> Precision:
    """Return the precision for `wanted` (auto, bf16, fp16 or fp32) on `device`."""
    if device.type != "cuda":
        return cpu_precision(wanted, has_amx=has_amx())
    card = torch.cuda.get_device_name(device)
    return precision_of(wanted, card=card, capability=torch.cuda.get_device_capability(device))


def has_amx() -> bool:
    """Whether this CPU has units that multiply bf16 matrices (Intel AMX); a torch may not know."""
    ask = getattr(torch.cpu, "get_capabilities", dict[str, object])
    return bool(ask().get("amx_bf16"))


def cpu_precision(wanted: str, *, has_amx: bool) -> Precision:
    """Return the precision for a CPU; 16 bits are bf16 there, and worth it with AMX alone."""
    if wanted == "fp32":
        return Precision("fp32", "fp32 is configured")
    if has_amx:
        return Precision("bf16", "bf16 is configured" if wanted == "bf16" else "the CPU has AMX")
    return Precision("fp32", "the CPU has no AMX" + f", {wanted} needs it" * (wanted != "auto"))


def precision_of(wanted: str, *, card: str, capability: tuple[int, int]) -> Precision:
    """Return the precision for a CUDA card of the given compute capability."""
    level = f"{card} has compute capability {capability[0]}.{capability[1]}"
    if wanted == "fp32":
        return Precision("fp32", "fp32 is configured")
    if wanted == "fp16":
        return Precision("fp16", "fp16 is configured")
    if capability >= BF16_CAPABILITY:
        return Precision("bf16", level if wanted == "auto" else "bf16 is configured")
    short = f"{level}, bf16 needs 8.0"
    if capability >= FP16_CAPABILITY:
        return Precision("fp16", short)
    return Precision("fp32", f"{short} and fast fp16 needs 7.0")


@contextmanager
def cpu_threads(wanted: int | None) -> Iterator[int]:
    """Use `wanted` CPU threads inside and yield how many are used.

    None: torch's default, which is OMP_NUM_THREADS where that is set; else a container's share of
    the cores at most.
    """
    before = torch.get_num_threads()
    if wanted is None and "OMP_NUM_THREADS" not in os.environ:
        wanted = min(before, cores())
    if wanted is not None:
        torch.set_num_threads(wanted)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
