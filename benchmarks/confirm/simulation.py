"""Searches simulated over recorded scores: their winners, by one run and by several.

The recorded scores count as the configurations' true ones, and every run adds normal noise. They
hold one helping of noise already, so their gaps are wider than the true ones: what is said for a
single run is on the friendly side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.confirm.posterior import posterior

REPEATS = 20_000
ASKED = 1000  # of them, how many are also judged by the posterior
DRAWS = 4000  # of the posterior; `hpo confirm` takes more
TOP = 5
SURE = 0.95

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """How winners turned out: shares of searches and differences in the score's unit.

    `optimism`: the value that won, less its configuration's true one. `sure`: the share in which
    one leader was named with 95%, and `right` how often it was the best of those compared.
    """

    found: float
    regret: float
    optimism: float
    sure: float | None = None
    right: float | None = None

    @property
    def error(self) -> float:
        """Half the 95% interval of `found`, from the number of repeats."""
        return float(1.96 * (self.found * (1 - self.found) / REPEATS) ** 0.5)


def simulate(scores: Sequence[float], *, sd: float, seeds: int) -> Outcome:
    """Winners by a single run each (`seeds` 0), or of the best five by `seeds` further runs."""
    chance = np.random.default_rng(seeds)
    truth = np.array(scores)
    single = truth + chance.normal(0, sd, (REPEATS, len(truth)))
    if not seeds:
        won = single.argmax(axis=1)
        return _outcome(truth, won, single.max(axis=1))
    top = np.argsort(-single, axis=1)[:, :TOP]
    runs = truth[top][:, :, None] + chance.normal(0, sd, (*top.shape, seeds))
    means = runs.mean(axis=2)
    place = means.argmax(axis=1)
    won = top[np.arange(REPEATS), place]
    sure, right = _calibration(truth[top], runs)
    outcome = _outcome(truth, won, means.max(axis=1))
    return Outcome(outcome.found, outcome.regret, outcome.optimism, sure, right)


def _outcome(truth: Table, won: NDArray[np.intp], value: Table) -> Outcome:
    regret = truth.max() - truth[won]
    return Outcome(
        found=float((regret == 0).mean()),
        regret=float(regret.mean()),
        optimism=float((value - truth[won]).mean()),
    )


def _calibration(truth: Table, runs: Table) -> tuple[float, float | None]:
    named = right = 0
    for of, true in zip(runs[:ASKED], truth, strict=False):
        found = posterior([list(map(float, values)) for values in of], draws=DRAWS)
        if found is not None and max(found.best) >= SURE:
            named += 1
            right += int(true[int(np.argmax(found.best))] == true.max())
    return named / ASKED, right / named if named else None
