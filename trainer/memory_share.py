"""How much of the device's memory this process may take, where several train on one card.

Each has its part for itself, so that what fits does not depend on what the others do just now. The
part is enforced by torch's allocator, and counts in the names under which batch sizes that fit are
remembered (trainer/micro_batch.py).
"""

import torch

from trainer.device import pick_device

CONTEXT = 768 * 1024**2
"""Bytes that a process takes beside the allocator: CUDA's context, its kernels, libraries."""
SMALLEST = 0.01


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
