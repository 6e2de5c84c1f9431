"""Cells measured side by side: interleaved, repeated until the spread is small, told as ratios.

A machine's absolute times are no result; a ratio of two cells measured turn about in one run is.
"""

import os
import platform
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

SMALL_SPREAD = 0.10
"""Half the range between the quartiles, as a share of the median, at which measuring ends."""


@dataclass(frozen=True)
class Ratio:
    """How many times one cell's value the other's is: the median, and the range over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """All three in the form `5.2 (4.9 to 5.6)`."""
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def interleaved(
    cells: Mapping[str, Callable[[], float]], *, at_least: int = 3, at_most: int = 12, seed: int = 0
) -> dict[str, list[float]]:
    """Measure every cell once a round, in a new order each, until all spreads are small.

    A cell returns what it measured, mostly seconds. The lists have one value a round.
    """
    order, chance = list(cells), random.Random(seed)
    values: dict[str, list[float]] = {name: [] for name in cells}
    for done in range(1, at_most + 1):
        chance.shuffle(order)
        for name in order:
            values[name].append(cells[name]())
        if done >= at_least and all(spread(found) <= SMALL_SPREAD for found in values.values()):
            break
    return values


def spread(values: Sequence[float]) -> float:
    """Half the range between the quartiles as a share of the median; infinite for one value."""
    if len(values) < 2:  # noqa: PLR2004 - one value has no spread
        return float("inf")
    first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
    return (third - first) / 2 / abs(middle) if middle else float("inf")


def ratio(values: Sequence[float], to: Sequence[float]) -> Ratio:
    """Round by round, `values` over `to`."""
    rounds = [one / other for one, other in zip(values, to, strict=True)]
    return Ratio(statistics.median(rounds), min(rounds), max(rounds))


def machine() -> str:
    """The machine in one line, for the head of a printed result."""
    card = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), {card}, load {os.getloadavg()[0]:.1f},"
        f" Python {platform.python_version()}, torch {torch.__version__}"
    )
