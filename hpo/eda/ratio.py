"""How long summaries are against their dialogues, in characters as they are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

from hpo.eda.distribution import common_edges
from hpo.eda.splits import Split

GROUPS = 5
LISTED = 10


@dataclass(frozen=True)
class LengthGroup:
    """A fifth of the dialogues, by length: from the shortest to the longest of it."""

    shortest: int
    longest: int
    pairs: int
    median_summary: float
    median_share: float


@dataclass(frozen=True)
class Ratio:
    """Summaries against dialogues in one file.

    share: a summary's length over its dialogue's. correlation: Pearson's, of the two lengths;
    None where all are equal. not_shorter: summaries at least as long as their dialogue, with
    the first few names. counts[i][j]: dialogues in bin i of dialogue_edges whose summary is in
    bin j of summary_edges.
    """

    split: str
    pairs: int
    mean_share: float
    median_share: float
    least_share: float
    most_share: float
    correlation: float | None
    not_shorter: int
    not_shorter_fnames: tuple[str, ...]
    groups: tuple[LengthGroup, ...]
    dialogue_edges: tuple[int, ...]
    summary_edges: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]


def measure_ratios(splits: Sequence[Split]) -> tuple[Ratio, ...]:
    """Compare the first summary with its dialogue, in every file that has summaries."""
    return tuple(
        _ratio(split) for split in splits if any(example.summaries for example in split.examples)
    )


def _ratio(split: Split) -> Ratio:
    examples = [example for example in split.examples if example.summaries]
    lengths = [(len(example.dialogue), len(example.summaries[0])) for example in examples]
    dialogues, summaries = ([pair[side] for pair in lengths] for side in (0, 1))
    shares = [summary / dialogue for dialogue, summary in lengths]
    long = [each.fname for each, share in zip(examples, shares, strict=True) if share >= 1]
    edges = common_edges([dialogues]), common_edges([summaries])
    counts, _, _ = np.histogram2d(dialogues, summaries, bins=[list(each) for each in edges])
    return Ratio(
        split=split.name,
        pairs=len(lengths),
        mean_share=fmean(shares),
        median_share=median(shares),
        least_share=min(shares),
        most_share=max(shares),
        correlation=_correlation(dialogues, summaries),
        not_shorter=len(long),
        not_shorter_fnames=tuple(long[:LISTED]),
        groups=_groups(lengths),
        dialogue_edges=edges[0],
        summary_edges=edges[1],
        counts=tuple(tuple(int(count) for count in row) for row in counts),
    )


def _correlation(first: Sequence[int], second: Sequence[int]) -> float | None:
    if min(len(set(first)), len(set(second))) < 2:  # noqa: PLR2004 - no variation
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _groups(lengths: Sequence[tuple[int, int]]) -> tuple[LengthGroup, ...]:
    ordered = sorted(lengths)
    parts = [
        ordered[len(ordered) * group // GROUPS : len(ordered) * (group + 1) // GROUPS]
        for group in range(GROUPS)
    ]
    return tuple(
        LengthGroup(
            shortest=part[0][0],
            longest=part[-1][0],
            pairs=len(part),
            median_summary=float(median(summary for _, summary in part)),
            median_share=median(summary / dialogue for dialogue, summary in part),
        )
        for part in parts
        if part
    )
