"""Ranges that a sweep rounds to multiples of q, against ours that go in steps.

`round(X / q) * q` gives a first and a last value that are rarer than the others, as fewer X round
to them, unless the range ends half-way between two multiples. Ours are all as likely.
"""

from __future__ import annotations

import math
from decimal import Decimal

from config.sweep.forms import Constant, Entry, Form, Same, Unlike, log_range

HALF = Decimal("0.5")
ROUNDED = "hpo's steps are all as likely; rounded to q, the first and the last are rarer"
ROUNDED_LOG = "hpo does not round a log range to multiples of q"


def quantised(
    low: float, high: float, step: float, *, log: bool = False
) -> Constant | Same | Unlike:
    """Give a range rounded to multiples of `step`; log: even over orders of magnitude before."""
    first, last = _cell(low, step), _cell(high, step)
    if first == last:
        return Constant(_plain(first * _exact(step)))
    if log:
        return _log(low, high, step)
    entry = _steps(first, last, step)
    even = _is_half_way(low, step) and _is_half_way(high, step)
    if not even:
        return Unlike(ROUNDED, entry)
    return Same(_steps(_exact(low) / _exact(step) + HALF, _exact(high) / _exact(step) - HALF, step))


def steps_within(low: float, high: float, step: float) -> Entry:
    """Give the multiples of `step` from about `low` to about `high`."""
    return _steps(_cell(low, step), _cell(high, step), step)


def grid_steps(low: float, high: float, step: float) -> Form:
    """Give what W&B's grid makes of a q_uniform: `numpy.arange(min, max, q)`, without max."""
    count = math.ceil((high - low) / step)  # as numpy counts, in floating point
    last = _exact(low) + (count - 1) * _exact(step)
    note = f"W&B's grid goes from min up to, not with, max: {_plain(_exact(low))} to {_plain(last)}"
    if count == 1:
        return Same({"type": "categorical", "choices": [low]}, note)
    return Same(_entry(_exact(low), last, _exact(step)), note)


def _log(low: float, high: float, step: float) -> Same | Unlike:
    """Ours has whole numbers alone: X from half below the first to half above the last, rounded."""
    if step != 1:
        return Unlike(ROUNDED_LOG, log_range(low, high))
    even = _is_half_way(low, 1) and _is_half_way(high, 1)
    first, last = max(_cell(low, 1), Decimal(1)), _cell(high, 1)
    if even:
        first, last = _exact(low) + HALF, _exact(high) - HALF
    entry = {"type": "int", "low": int(first), "high": int(last), "log": True}
    return Same(entry) if even else Unlike(ROUNDED, entry)


def _steps(first: Decimal, last: Decimal, step: float) -> Entry:
    return _entry(first * _exact(step), last * _exact(step), _exact(step))


def _entry(low: Decimal, high: Decimal, step: Decimal) -> Entry:
    whole = all(one == int(one) for one in (low, high, step))
    if whole and step == 1:
        return {"type": "int", "low": int(low), "high": int(high)}
    kind, number = ("int", int) if whole else ("float", float)
    return {"type": kind, "low": number(low), "high": number(high), "step": number(step)}


def _cell(value: float, step: float) -> Decimal:
    """Give the multiple of `step` that W&B rounds the value to, counted in steps."""
    return Decimal(round(_exact(value) / _exact(step)))


def _is_half_way(value: float, step: float) -> bool:
    return (_exact(value) / _exact(step)) % 1 in (HALF, -HALF)


def _exact(value: float) -> Decimal:
    """Give the decimal number that was written."""
    return Decimal(str(value))


def _plain(value: Decimal) -> int | float:
    return int(value) if value == int(value) else float(value)
