"""How often the likeliest candidate is the best, and with what probability it is said to be.

`python -m benchmarks.confirm.calibration` draws the true means of some candidates from a normal
distribution, whose SD is a given number of times that of a run, gives each the runs of some seeds,
and asks `hpo confirm`'s model. Where the true means are all equal, one of them at random counts as
the best.
"""

import argparse
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hpo.confirm.posterior import posterior

BETWEEN = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""SDs of the true means, in SDs of a run."""
CANDIDATES = (2, 3, 5, 8)
SEEDS = (2, 3, 5)
REPEATS = 400  # of each number of candidates and of seeds
DRAWS = 4000  # of the posterior; `hpo confirm` takes more
SURE = 0.95
EDGES = (0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, SURE, 1.0)


@dataclass(frozen=True)
class Judged:
    """One set of candidates: what was said of the likeliest one, and what is so.

    `score`: Brier's, over all candidates; 0 is sure and right, 2 sure and wrong. `held`: whether
    the leaders, the fewest that have the probability SURE together, hold the best. `mean` and
    `expected`: of the highest mean, less its true one, in SDs of a run.
    """

    said: float
    right: bool
    score: float
    held: bool
    mean: float
    expected: float


def judge(between: float, *, candidates: int, seeds: int, chance: np.random.Generator) -> Judged:
    """Draw a set of candidates and their runs, and ask the model which is the best."""
    place = chance.standard_normal(candidates)
    is_best = place == place.max()
    runs = between * place[:, None] + chance.standard_normal((candidates, seeds))
    found = posterior(runs.tolist(), draws=DRAWS)
    if found is None:
        raise ValueError(f"{seeds} seeds tell nothing of the noise: 2 or more")
    best, first = np.array(found.best), int(runs.mean(axis=1).argmax())
    order = np.argsort(-best)
    leaders = order[: int(np.searchsorted(best[order].cumsum(), SURE)) + 1]
    return Judged(
        said=float(best.max()),
        right=bool(is_best[order[0]]),
        score=float(((best - is_best) ** 2).sum()),
        held=bool(is_best[leaders].any()),
        mean=float(runs[first].mean() - between * place[first]),
        expected=(found.expected[first] or 0.0) - float(between * place[first]),
    )


def judged(
    between: float, *, candidates: Sequence[int], seeds: Sequence[int], repeats: int
) -> list[Judged]:
    """Every number of candidates under every number of seeds, `repeats` times each."""
    return [
        judge(between, candidates=k, seeds=n, chance=chance)
        for k in candidates
        for n in seeds
        for chance in [np.random.default_rng([k, n, round(100 * between)])]
        for _ in range(repeats)
    ]


def by_between(sets: dict[float, list[Judged]]) -> Iterator[str]:
    """A row for each SD of the true means."""
    yield (
        "| between | says | is the best | Brier | leaders hold it | one at 95% | and it is"
        " | highest mean too high by | what is expected of it by |"
    )
    yield f"|{' ---: |' * 9}"
    for between, there in sets.items():
        sure = [one for one in there if one.said >= SURE]
        yield (
            f"| {between:g} | {_mean([one.said for one in there])}"
            f" | {_mean([one.right for one in there])}"
            f" | {np.mean([one.score for one in there]):.3f}"
            f" | {_mean([one.held for one in there])}"
            f" | {len(sure) / len(there):.1%} | {_mean([one.right for one in sure])}"
            f" | {np.mean([one.mean for one in there]):+.3f}"
            f" | {np.mean([one.expected for one in there]):+.3f} |"
        )


def by_said(sets: dict[float, list[Judged]]) -> Iterator[str]:
    """A row for each range of what was said, over all SDs alike."""
    yield "| says | sets | on average | is the best |"
    yield "| ---: | ---: | ---: | ---: |"
    every = [one for there in sets.values() for one in there]
    for low, high in pairwise(EDGES):
        there = [one for one in every if low <= one.said < high or one.said == high == 1]
        if there:
            yield (
                f"| {low:.0%} to {high:.0%} | {len(there)} | {_mean([one.said for one in there])}"
                f" | {_mean([one.right for one in there])} |"
            )


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.confirm.calibration", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--between", type=float, nargs="+", default=BETWEEN)
    parser.add_argument("--candidates", type=int, nargs="+", default=CANDIDATES)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="2 or more")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    asked = parser.parse_args()
    sets = {
        between: judged(
            between, candidates=asked.candidates, seeds=asked.seeds, repeats=asked.repeats
        )
        for between in asked.between
    }
    print(f"candidates {asked.candidates}, seeds {asked.seeds}, {asked.repeats} sets of each\n")
    print("\n".join([*by_between(sets), "", *by_said(sets)]))


def _mean(shares: Sequence[float]) -> str:
    """A mean and half its 95% interval, in percent."""
    if not shares:
        return "-"
    error = 1.96 * float(np.std(shares)) / math.sqrt(len(shares))
    return f"{np.mean(shares):.1%} ± {100 * error:.1f}"


if __name__ == "__main__":
    main()
