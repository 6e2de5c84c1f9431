"""How many cores this process may use; reads files alone, so that a light process can ask."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
QUOTA = ("cpu.max", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")
"""The quota and its period in one file (version 2), and each in its own (version 1)."""


def cores() -> int:
    """Give the cores that this process is let onto, or what its container's share of time is worth.

    A container with `--cpus 4`, or `limits.cpu: 4` in Kubernetes, is let onto every core of its
    host; with a thread on each it spends its time in waiting for its next turn.
    """
    let = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = _share_of_time()
    return let if share is None else max(1, min(let, int(share)))


def _share_of_time() -> float | None:
    """Give the container's quota in cores; None where there is none."""
    both, quota, period = (_text(CGROUP / name) for name in QUOTA)
    try:
        most, every = map(int, both.split() if both else (quota, period))
    except ValueError:  # "max", or no such file
        return None
    return most / every if most > 0 and every > 0 else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
