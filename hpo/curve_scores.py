"""Where every trial of a study is expected to end, from what all curves have shown so far.

A trial that stopped at some evaluation is put beside those that went on past it, and is expected to
end as the one of them does that has its rank there. Those that were stopped later are expected
values themselves, so the rule runs from the last evaluation back to the first. How far ranks
were off at each evaluation, summed up on the way, is the deviation of what is expected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]


@dataclass(frozen=True)
class Expected:
    """Scores at the end (n, more is better) and their standard deviations (n)."""

    scores: Floats
    deviations: Floats


def expected(best: Floats, reached: Wholes, final: Floats) -> Expected:
    """What n trials are expected to end with.

    `best` (n, evaluations) has the best value so far, `reached` (n) how many evaluations a trial
    has had, at least 1, and `final` (n) the score of a completed trial, NaN of any other.
    """
    scores = final.copy()
    variances = np.zeros(len(scores))
    open_ended = np.isnan(final)
    for last in np.unique(reached[open_ended])[::-1]:
        stopped = open_ended & (reached == last)
        at_last = best[:, last - 1]
        further = reached > last
        if not further.any():
            scores[stopped] = at_last[stopped]  # the front: nobody has shown what comes after
            continue
        order = np.argsort(at_last[further], kind="stable")
        seen, ends = at_last[further][order], scores[further][order]
        usual = _ends_by_rank(seen, ends)
        scores[stopped] = _end_of_equal_rank(at_last[stopped], seen, usual)
        off = float(np.mean((ends - usual) ** 2))
        variances[stopped] = off + float(np.mean(variances[further]))
    return Expected(scores, np.sqrt(variances))


def _ends_by_rank(seen: Floats, ends: Floats) -> Floats:
    """The end that each rank in `seen` (sorted) stands for; equals have the mean of theirs."""
    ranked = np.sort(ends)
    rises = np.diff(seen) > 0
    if rises.all():
        return ranked
    group = np.append(0, np.cumsum(rises))
    usual: Floats = (np.bincount(group, ranked) / np.bincount(group))[group]
    return usual


def _end_of_equal_rank(values: Floats, seen: Floats, ends: Floats) -> Floats:
    """Ends at the ranks that `values` have among `seen`, both rising; never below `values`.

    Beyond the worst and the best that went on, the distance to it is kept.
    """
    found = np.interp(values, seen, ends)
    found += np.minimum(values - seen[0], 0) + np.maximum(values - seen[-1], 0)
    return np.maximum(found, values)


def chance_among_best(given: Expected, n_best: int) -> Floats:
    """The probability (n) that each trial ends among the `n_best` of them, each taken alone.

    Where the last of them has equals, these share the places that are left: else all trials of a
    search that scores alike would be its best, and a sampler would never look elsewhere.
    """
    # A tenth of what every command imports, and most of them draw nothing.
    from scipy.special import ndtr  # noqa: PLC0415

    ranked = np.sort(given.scores)[::-1]
    n_best = min(n_best, len(ranked))
    # Halved before they are added: a search may give the largest number there is for a penalty.
    threshold = ranked[n_best - 1] / 2 + ranked[min(n_best, len(ranked) - 1)] / 2
    ahead, level = given.scores > threshold, given.scores == threshold
    share = (n_best - int(ahead.sum())) / max(int(level.sum()), 1)
    sure = given.deviations == 0
    width = np.where(sure, 1.0, given.deviations)
    chance = np.asarray(ndtr((given.scores - threshold) / width), dtype=np.float64)
    return np.where(sure, ahead + level * share, chance)
