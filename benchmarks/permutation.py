"""Whether two groups of values differ by more than chance: the permutation test of their means."""

import random
import statistics
from collections.abc import Sequence
from itertools import combinations
from math import comb

MOST = 20_000  # ways to part the values that are gone through; of more, so many are drawn


def chance_of_gap(one: Sequence[float], other: Sequence[float]) -> float:
    """Return how often parting all the values anew sets the means at least as far apart.

    Two-sided; exact where there are at most MOST ways.
    """
    both, size = [*one, *other], len(one)
    total = sum(both)

    def gap(chosen: Sequence[int]) -> float:
        part = sum(both[index] for index in chosen)
        return abs(part / size - (total - part) / (len(both) - size))

    seen = gap(range(size))
    gaps = [gap(chosen) for chosen in _ways(len(both), size)]
    return statistics.fmean(each >= seen - 1e-12 for each in gaps)


def _ways(count: int, size: int) -> Sequence[Sequence[int]]:
    if comb(count, size) <= MOST:
        return list(combinations(range(count), size))
    chance = random.Random(0)
    return [range(size), *(chance.sample(range(count), size) for _ in range(MOST))]
