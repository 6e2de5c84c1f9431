"""How often the kernel has killed for want of memory; reads a file alone, for a light process."""

from pathlib import Path

VMSTAT = Path("/proc/vmstat")
"""Counts the whole machine's, a container's own limit and a machine without containers alike."""


def oom_kills() -> int | None:
    """Return the kills since the machine started; None where the system does not tell."""
    try:
        lines = VMSTAT.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
