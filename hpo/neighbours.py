"""A finite search space walked outwards from one of its points."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


def neighbours(
    centre: Mapping[str, object], grid: Mapping[str, Sequence[object]], rng: random.Random
) -> Iterator[dict[str, object]]:
    """Every full assignment of `grid`, those that differ from `centre` in few parameters first.

    Among the values of one parameter the closest come first; parameters come in random order.
    """
    places = {name: _place(centre.get(name), values) for name, values in grid.items()}
    base = {name: values[places[name]] for name, values in grid.items()}
    others = {name: _by_distance(places[name], values) for name, values in grid.items()}
    names = [name for name in grid if others[name]]
    rng.shuffle(names)
    for changes in range(len(names) + 1):
        for changed in itertools.combinations(names, changes):
            for values in itertools.product(*(others[name] for name in changed)):
                yield {**base, **dict(zip(changed, values, strict=True))}


def values_of(dist: BaseDistribution) -> list[object]:
    """The values of a finite distribution, in order."""
    if isinstance(dist, CategoricalDistribution):
        return list(dist.choices)
    if isinstance(dist, IntDistribution):
        return list(range(dist.low, dist.high + 1, dist.step))
    if isinstance(dist, FloatDistribution) and dist.step is not None:
        # In decimals, as Optuna does it: 0.1 + 0.2 must come out as 0.3.
        low, high, step = (Decimal(str(end)) for end in (dist.low, dist.high, dist.step))
        return [float(low + step * k) for k in range(int((high - low) // step) + 1)]
    if dist.single() and isinstance(dist, FloatDistribution):
        return [dist.low]
    raise TypeError(f"{dist!r} has no list of values")


def _place(value: object, values: Sequence[object]) -> int:
    """Where the value stands among the values; the first place for one that is not there."""
    return next((i for i, other in enumerate(values) if _same(other, value)), 0)


def _by_distance(place: int, values: Sequence[object]) -> list[object]:
    """The other values, closest to the one at `place` first."""
    near = sorted(range(len(values)), key=lambda i: abs(i - place))
    return [values[i] for i in near if i != place]


def _same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and one == other
