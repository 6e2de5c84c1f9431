"""How much of the device's memory this process may take, where several train on one card.

Each has its part for itself, so that what fits does not depend on what the others do just now. The
part is enforced by torch's allocator, and counts in the names under which batch sizes that fit are
remembered (trainer/micro_batch.py).
"""

import torch

from trainer.device import cuda_in_use, pick_device
from trainer.errors import DeviceTaken

GIB = 1024**3
CONTEXT = 768 * 1024**2
"""Bytes that a process takes beside the allocator: CUDA's context, its kernels, libraries."""
SMALLEST = 0.01
CROWDED = 0.25
"""Part of a card which, held by other programs, is why a training does not fit."""


def take_share(workers: int) -> None:
    """Take at most one of `workers` equal parts of the card; nothing on a CPU, which has no such.

    The context counts in. 1 is the whole card.
    """
    device = pick_device()
    if device.type != "cuda":
        return
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(fraction(workers, total=total), device)


def fraction(workers: int, *, total: int) -> float:
    """The part of a card of `total` bytes for the allocator of one of `workers`."""
    return 1.0 if workers == 1 else max(SMALLEST, 1 / workers - CONTEXT / total)


def memory_of(device: torch.device) -> int:
    """How many bytes of a CUDA device this process may take."""
    total = torch.cuda.get_device_properties(device).total_memory
    return int(total * torch.cuda.get_per_process_memory_fraction(device))


def held_by_others(device: torch.device) -> int:
    """How many bytes of what this process may take of a CUDA device are not there for it."""
    ours = torch.cuda.memory_reserved(device) + CONTEXT
    try:
        free, _ = torch.cuda.mem_get_info(device)
    except RuntimeError:  # there is not even room for a context
        free = 0
    return max(0, memory_of(device) - ours - free)


def crowded() -> DeviceTaken | None:
    """Return what to raise for memory that ran out on a card which others fill; None elsewhere."""
    if not cuda_in_use():
        return None
    device = pick_device()
    total = torch.cuda.get_device_properties(device).total_memory
    held = held_by_others(device)
    if held < CROWDED * total:
        return None
    return DeviceTaken(
        f"other programs hold {held / GIB:.1f} of the card's {total / GIB:.1f} GiB, and the"
        " training does not fit beside them; see nvidia-smi, or choose another card"
    )
