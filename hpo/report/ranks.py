"""Which values of a setting did worse or better than the others, by a rank test.

A pruned trial counts as worse than every completed one, and as good as any other pruned one. The
Mann-Whitney test compares the trials with some values of a setting to all others; Holm's correction
counts all comparisons that were made. A trial that could not be trained, or failed, is left out.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.trial import FrozenTrial
from scipy.stats import mannwhitneyu

from config.counting import counted
from config.entries import CategoricalEntry
from hpo.progress import short
from hpo.report.facts import Facts, last_part

LEVEL = 0.05
FEWEST = 4  # trials on each side
MOST_LISTED = 6  # different values that are compared one by one; more are compared by thirds


@dataclass(frozen=True)
class Side:
    """The trials of one side of a comparison: values, -inf for pruned ones."""

    scores: tuple[float, ...]

    def __str__(self) -> str:
        completed = [score for score in self.scores if math.isfinite(score)]
        median = f", median {statistics.median(completed):.4f}" if completed else ""
        return f"{len(completed)} of {len(self.scores)} completed{median}"


@dataclass(frozen=True)
class Comparison:
    """The trials with these values of a field against the others; `p` is not corrected yet."""

    field: str
    values: str
    these: Side
    others: Side
    p: float
    worse: bool


@dataclass(frozen=True)
class Difference:
    """A comparison that the test tells apart, with p corrected for `tests` comparisons."""

    comparison: Comparison
    p: float
    tests: int

    def __str__(self) -> str:
        one = self.comparison
        return (
            f"{last_part(one.field)} {one.values} did {'worse' if one.worse else 'better'} than"
            f" the rest: {one.these}, against {one.others} (rank test, p = {self.p:.2g} after"
            f" {counted(self.tests, 'comparison')})."
        )


def differences(facts: Facts) -> list[Difference]:
    """What can be told apart, at most one comparison a field, the surest first."""
    scores = {trial.number: trial.values[0] for trial in facts.complete}
    scores.update({trial.number: -math.inf for trial in facts.pruned})
    trials = [trial for trial in facts.trials if trial.number in scores]
    made = sorted(_comparisons(facts, trials, scores), key=lambda one: one.p)
    found: dict[str, Difference] = {}
    least = 0.0
    for place, one in enumerate(made):
        least = max(least, min(one.p * (len(made) - place), 1.0))  # Holm
        if least > LEVEL:
            break
        found.setdefault(one.field, Difference(one, least, len(made)))
    return list(found.values())


def _comparisons(
    facts: Facts, trials: Sequence[FrozenTrial], scores: Mapping[int, float]
) -> Iterator[Comparison]:
    for field, entry in facts.config.optuna.search_space.items():
        having = [trial for trial in trials if field in trial.params]
        for said, chosen in _splits(
            [trial.params[field] for trial in having],
            ordered=not isinstance(entry, CategoricalEntry),
        ):
            these = [scores[t.number] for t, is_in in zip(having, chosen, strict=True) if is_in]
            others = [
                scores[t.number] for t, is_in in zip(having, chosen, strict=True) if not is_in
            ]
            if min(len(these), len(others)) >= FEWEST and len({*these, *others}) > 1:
                yield _compared(field, said, these, others)


def _splits(values: Sequence[object], *, ordered: bool) -> Iterator[tuple[str, list[bool]]]:
    """Ways to part the trials: each value against the others, or the outer thirds of a range."""
    different = list(dict.fromkeys(values))
    if not ordered or len(different) <= MOST_LISTED:
        listed = different if len(different) > 2 else different[:1]  # noqa: PLR2004 - two mirror each other
        for value in listed:
            yield short(value), [each == value for each in values]
        return
    numbers = np.array(values, dtype=float)
    low, high = np.quantile(numbers, (1 / 3, 2 / 3))
    yield f"below {short(float(low))}", list(numbers < low)
    yield f"above {short(float(high))}", list(numbers > high)


def _compared(
    field: str, values: str, these: Sequence[float], others: Sequence[float]
) -> Comparison:
    test = mannwhitneyu(these, others, alternative="two-sided", method="asymptotic")
    middle = len(these) * len(others) / 2
    worse = bool(test.statistic < middle)
    p = 1.0 if math.isnan(test.pvalue) else float(test.pvalue)
    return Comparison(field, values, Side(tuple(these)), Side(tuple(others)), p, worse=worse)
