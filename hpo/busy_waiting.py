"""How long torch's CPU threads look for their next work before they sleep."""

from collections.abc import MutableMapping

SPINS = "GOMP_SPINCOUNT"
POLICY = "OMP_WAIT_POLICY"
SHORT = "4000"
"""GNU OpenMP's own 300,000 outlast a time slice, which a waiting thread takes from others."""


def shorten_busy_waiting(environ: MutableMapping[str, str]) -> None:
    """Let threads sleep soon, unless the environment says how they wait; before torch is loaded."""
    if SPINS not in environ and POLICY not in environ:
        environ[SPINS] = SHORT
