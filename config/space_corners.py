"""Draws at the edges of a search space, where a combination is likeliest to be invalid."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, islice, product
from math import prod

from config.entries import CategoricalEntry, Entry, IntEntry, SearchSpace
from config.space_order import is_active, ordered

MOST_DRAWS = 200  # about 0.1 s of validation
FEW = 6  # a range of at most this many whole numbers is tried wholly


def corners(entry: Entry) -> tuple[object, ...]:
    """Give the choices, or the ends of a range with a few values between."""
    if isinstance(entry, CategoricalEntry):
        return entry.choices
    if not isinstance(entry, IntEntry):
        return tuple(dict.fromkeys((entry.low, entry.high)))
    if entry.size <= FEW:
        return tuple(range(entry.low, entry.high + 1, entry.step))
    middle = entry.low + entry.size // 2 * entry.step
    last = entry.low + (entry.size - 1) * entry.step
    return (entry.low, entry.low + entry.step, middle, last - entry.step, last)


def corner_draws(space: SearchSpace) -> Iterator[dict[str, object]]:
    """Give every combination of corners, or every pair of them where there are too many.

    Entries whose condition does not hold in a draw are left out of it.
    """
    entries = ordered(space)
    tried = {field: corners(entry) for field, entry in entries}
    if prod(len(values) for values in tried.values()) <= MOST_DRAWS:
        draws = _products(tried)
    else:
        draws = islice(_pairs(tried), MOST_DRAWS)
    seen: list[dict[str, object]] = []
    for draw in draws:
        active = _active(entries, draw)
        if active not in seen:
            seen.append(active)
            yield active


def _products(tried: dict[str, tuple[object, ...]]) -> Iterator[dict[str, object]]:
    return (dict(zip(tried, values, strict=True)) for values in product(*tried.values()))


def _pairs(tried: dict[str, tuple[object, ...]]) -> Iterator[dict[str, object]]:
    first = {field: values[0] for field, values in tried.items()}
    for one, other in combinations(tried, 2):
        for value, another in product(tried[one], tried[other]):
            yield {**first, one: value, other: another}


def _active(entries: list[tuple[str, Entry]], draw: dict[str, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    for field, entry in entries:
        if is_active(entry, values):
            values[field] = draw[field]
    return values
