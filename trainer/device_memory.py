"""How much memory there is to have, on the card and beside it, and what this process has had.

Bytes everywhere. What a system does not tell is None: nothing is then decided by it.
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from trainer.device import device_name, pick_device
from trainer.memory_share import CONTEXT

KIB = 1024
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Room:
    """A device, and what is free on it (`card`; None on a CPU) and in main memory (`main`)."""

    device: str
    card: int | None
    main: int | None


def room() -> Room:
    """Look at the device that a training here would take; begins to use it."""
    device = pick_device()
    card = None
    if device.type == "cuda":
        # This process's own context is there already, and goes with it.
        card = torch.cuda.mem_get_info(device)[0] + CONTEXT
    return Room(device_name(device), card, main_memory_free())


def most_used() -> Room:
    """Return the most that this process has had so far, in the place of what is free."""
    device = pick_device()
    card = torch.cuda.max_memory_reserved(device) + CONTEXT if device.type == "cuda" else None
    return Room(device_name(device), card, _in_kib(Path("/proc/self/status"), "VmHWM:"))


def main_memory_free() -> int | None:
    """Return what the system has left, or what is left of the container's limit if that is less."""
    found = _in_kib(Path("/proc/meminfo"), "MemAvailable:")
    try:
        most, used = (
            int((CGROUP / name).read_text(encoding="ascii"))
            for name in ("memory.max", "memory.current")
        )
    except (OSError, ValueError):  # no such limit, or "max"
        return found
    # Pages of files that nobody has used for a while count as used, and go when memory is wanted.
    free = most - used + (_number(CGROUP / "memory.stat", "inactive_file") or 0)
    return free if found is None else min(found, free)


def _in_kib(path: Path, name: str) -> int | None:
    found = _number(path, name)
    return None if found is None else found * KIB


def _number(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    found = (words[1] for words in map(str.split, lines) if words[:1] == [name])
    return next(map(int, found), None)
