"""A sweep's `values`, which it may weigh with `probabilities`."""

from __future__ import annotations

import math

from config.counting import counted
from config.problems import shown
from config.sweep.forms import Form, Same, Unlike
from config.sweep.source import Written


def categorical(parameter: Written, *, grid: bool = False) -> Form:
    """Give a list of values; the same distribution only where all are as likely.

    A value given twice is twice as likely, but not for a grid, which tries each once.
    """
    values = parameter.need("values").items()
    odds = _odds(parameter, len(values), grid=grid)
    if any(isinstance(one.value, list | dict) for one in values):
        return Unlike("a field of hpo's holds one value, and here are lists or mappings")
    weights: list[tuple[object, float]] = []
    for one, weight in zip(values, odds, strict=True):
        _add(weights, one.value, weight)
    drawn = [(value, weight) for value, weight in weights if weight > 0]
    entry = {"type": "categorical", "choices": [value for value, _ in drawn]}
    if grid or all(math.isclose(weight, drawn[0][1]) for _, weight in drawn):
        return Same(entry)
    return Unlike("hpo's choices are all as likely, and these values are not", entry)


def _odds(parameter: Written, count: int, *, grid: bool) -> list[float]:
    given = parameter.get("probabilities")
    if given is None:
        return [1.0] * count
    if grid:
        given.refuse("method grid tries each value once; leave the probabilities out")
    odds = [one.number() for one in given.items()]
    if len(odds) != count:
        have = counted(len(odds), "probability", "probabilities")
        given.refuse(f"{have} for {counted(count, 'value')}; give each value one")
    if any(one < 0 for one in odds) or not math.isclose(sum(odds), 1.0, rel_tol=1e-5):
        given.refuse(f"{shown(given.value)} are not probabilities; they must add up to 1")
    return [float(one) for one in odds]


def _add(weights: list[tuple[object, float]], value: object, weight: float) -> None:
    for place, (other, so_far) in enumerate(weights):
        if value == other:
            weights[place] = (other, so_far + weight)
            return
    weights.append((value, weight))
