"""What a sweep's parameter can be in our terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Entry = Mapping[str, object]


@dataclass(frozen=True)
class Constant:
    """One value: no parameter of the search, but a setting."""

    value: object


@dataclass(frozen=True)
class Same:
    """An entry of the search space with the same distribution."""

    entry: Entry
    note: str | None = None


@dataclass(frozen=True)
class Unlike:
    """No entry has this distribution; `entry` is the nearest one, None where none is near."""

    reason: str
    entry: Entry | None = None


Form = Constant | Same | Unlike


def continuous(low: float, high: float) -> Entry:
    """Give a range of any numbers."""
    return {"type": "float", "low": float(low), "high": float(high)}


def log_range(low: float, high: float) -> Entry:
    """Give a range of any numbers that is even over orders of magnitude."""
    return {**continuous(low, high), "log": True}
