"""Seconds as people say them."""

MINUTE_S = 60
HOUR_S = 3600
FEW_S = 10


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 3.5 h."""
    if round(seconds) < MINUTE_S:
        return f"{seconds:.0f} s"
    if round(seconds / MINUTE_S) < HOUR_S / MINUTE_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"


def measured(seconds: float) -> str:
    """The same of what was measured, where few seconds are no zero: 0.42 s."""
    return f"{seconds:.2g} s" if seconds < FEW_S else duration(seconds)
