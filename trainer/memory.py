"""Is memory back where it was after the first training? If not, a fresh process is the cure.

What the session keeps on purpose, a model and its initial weights, is counted off: it may be of
another size for each architecture. On a GPU it is torch's own count of allocated bytes, and should
be back where it was before any training. On the CPU it is the process's resident set less the
allocator's free lists: the first training adds to it what all use, libraries, kernels and the
metric's model, which may come to more than a leak that matters (docs/benchmarks/turnover.md).
"""

import gc
import resource
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from trainer.device import cuda_in_use
from trainer.device_errors import free_memory
from trainer.malloc import free_bytes, trim
from trainer.session import TrainingSession

MIB = 1024**2
GPU_ALLOWANCE = 256 * MIB  # bytes; cuBLAS keeps workspaces of up to 32 MiB for each stream
PROCESS_ALLOWANCE = 1024 * MIB  # bytes; a larger training adds kernels and caches of its own


@dataclass(frozen=True)
class _Used:
    """Bytes in use beyond what the session keeps; gpu is 0 before CUDA is first used."""

    process: int
    gpu: int


class MemoryBaseline:
    """Memory as it stood when this was made, with the session warm, and after one training."""

    def __init__(self, session: TrainingSession) -> None:
        self._session = session
        self._free = 0  # the most bytes that nobody used and that were given back at once
        self._trained = False
        self._before = self._used()

    def excess(self) -> str | None:
        """Say after a training by how much memory has grown, in words; None where it is back."""
        # To collect and to give back what nobody uses takes long, and the next training has to ask
        # for it anew: so first only what is free is counted off. Where the allocator doesn't say
        # how much that is, as much as nobody used before may be free again.
        held = self._in_use()
        free = max(self._free, free_bytes() - self._given_back)
        now = replace(held, process=held.process - free)
        if not self._trained:
            self._trained = True
            self._before = replace(self._before, process=max(self._before.process, now.process))
        if self._grown(now) is None:
            return None
        gc.unfreeze()  # what the session has the collector pass over may have become garbage
        used = self._used()
        self._free = max(self._free, held.process - used.process)
        return self._grown(used)

    def _grown(self, now: _Used) -> str | None:
        for what, since, grown, allowance in (
            ("GPU memory", "since before", now.gpu - self._before.gpu, GPU_ALLOWANCE),
            ("memory", "since", now.process - self._before.process, PROCESS_ALLOWANCE),
        ):
            if grown > allowance:
                return (
                    f"{what} has grown by {grown / MIB:.0f} MiB {since} this process's first"
                    f" training; {allowance / MIB:.0f} MiB are allowed"
                )
        return None

    def _used(self) -> _Used:
        free_memory()
        trim()
        self._given_back = free_bytes()  # free still, but the system's
        return self._in_use()

    def _in_use(self) -> _Used:
        gpu = 0
        if cuda_in_use():
            gpu = torch.cuda.memory_allocated() - self._session.held_bytes("cuda")
        return _Used(resident_bytes() - self._session.held_bytes("cpu"), gpu)


def resident_bytes() -> int:
    """Return the process's resident set; on systems without /proc its peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * resource.getpagesize()
