"""How whole numbers such as lengths are distributed: a few figures and a histogram."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import fmean, median

BINS = 40
STEPS = (1, 2, 3, 4, 5, 6, 8)  # bins are as wide as one of these times a power of ten


@dataclass(frozen=True)
class Distribution:
    """Figures of whole numbers.

    p95, p99: the smallest value that at least 95 % (99 %) of the numbers do not exceed.
    counts: the histogram; bin i holds the numbers from edges[i] to below edges[i + 1].
    """

    count: int
    least: int
    median: float
    mean: float
    p95: int
    p99: int
    most: int
    edges: tuple[int, ...]
    counts: tuple[int, ...]


def distribution(values: Sequence[int], *, edges: Sequence[int]) -> Distribution:
    """Measure at least one number; every number lies between the first and the last edge."""
    ordered = sorted(values)
    counts = [0] * (len(edges) - 1)
    for value in ordered:
        counts[bisect_right(edges, value) - 1] += 1
    return Distribution(
        count=len(ordered),
        least=ordered[0],
        median=float(median(ordered)),
        mean=fmean(ordered),
        p95=not_exceeded_by(ordered, share=0.05),
        p99=not_exceeded_by(ordered, share=0.01),
        most=ordered[-1],
        edges=tuple(edges),
        counts=tuple(counts),
    )


def not_exceeded_by(ordered: Sequence[int], *, share: float) -> int:
    """Return the smallest value that at most `share` (0 to 1) of the sorted numbers exceed."""
    allowed = int(share * len(ordered) + 1e-9)  # 0.01 * 700 is 7.000000000000001
    return ordered[len(ordered) - 1 - min(allowed, len(ordered) - 1)]


def common_edges(groups: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return edges of bins from 0 that fit every group, so that their histograms compare."""
    most = max(max(group) for group in groups if group)
    wanted = max(1, ceil((most + 1) / BINS))
    width, power = 1, 1
    while width < wanted:
        width = next((step * power for step in STEPS if step * power >= wanted), 0)
        power *= 10
    return tuple(range(0, (most // width + 2) * width, width))
