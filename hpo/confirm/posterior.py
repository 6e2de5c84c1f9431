"""How probable it is that each of several noisy candidates is the best.

The model: a run of candidate i scores mu_i plus normal noise whose variance is the same for all.
With a flat prior on every mu_i and on log sigma, the posterior of sigma^2 is scaled inverse
chi-squared with nu = sum(n_i - 1) degrees of freedom and the pooled variance s^2, and given it mu_i
is normal around the mean of its runs with variance sigma^2 / n_i (Gelman et al., Bayesian Data
Analysis, 3rd ed., section 3.2; for several groups Box & Tiao, Bayesian Inference in Statistical
Analysis, 1973, section 2.11). Each mu_i alone is thus Student t, but all share one sigma, so the
probability to be the highest is counted in draws from a fixed seed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 100_000
"""The standard error of a probability is at most .0016."""


@dataclass(frozen=True)
class Posterior:
    """The pooled SD of one run, its degrees of freedom, and each candidate's probability."""

    sd: float
    degrees: int
    best: tuple[float, ...]


def posterior(values: Sequence[Sequence[float]], *, draws: int = DRAWS) -> Posterior | None:
    """Compare candidates by their runs' values; None where no candidate has two runs.

    A candidate without a run has the probability 0. More is better.
    """
    degrees = sum(len(runs) - 1 for runs in values if runs)
    if not degrees:
        return None
    squares = sum(statistics.variance(runs) * (len(runs) - 1) for runs in values if len(runs) > 1)
    chance = np.random.default_rng(0)
    sigma = np.sqrt(squares / chance.chisquare(degrees, draws))
    drawn = np.full((draws, len(values)), -math.inf)
    for place, runs in enumerate(values):
        if runs:
            scale = sigma / math.sqrt(len(runs))
            drawn[:, place] = statistics.fmean(runs) + scale * chance.standard_normal(draws)
    first = drawn == drawn.max(axis=1, keepdims=True)
    best = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    return Posterior(math.sqrt(squares / degrees), degrees, tuple(map(float, best)))
