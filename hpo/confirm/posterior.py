"""How probable it is that each of several noisy candidates is the best.

The model: a run of candidate i scores mu_i plus normal noise of SD sigma, the same for all, and the
mu_i are normal themselves around a common mean with SD tau. How far the candidates lie apart is
thus learned from their runs: where they scatter no more than the noise explains, all are drawn
together, and none is taken for the best because its runs were lucky.

Priors: flat on the common mean and on log sigma, and half-Cauchy on tau / sigma with scale 1, as
Gelman (Prior distributions for variance parameters in hierarchical models, Bayesian Analysis 1,
2006) advises for few groups. With a flat prior on tau, two candidates would have no posterior, and
with an inverse gamma one its parameters would decide.

The common mean, the mu_i and sigma integrate out given r = tau / sigma. With n_i runs of mean m_i,
weights w_i = 1 / (1/n_i + r^2), m their weighted mean, S the sum of squares within candidates with
nu degrees of freedom, and k candidates (after section 5.4 of Gelman et al., Bayesian Data Analysis,
3rd ed.),

    p(r | runs)  ~  p(r) (prod w_i / sum w_i)^(1/2) (S + sum w_i (m_i - m)^2)^(-(nu + k - 1) / 2).

So r is summed over a grid; given it everything else is drawn exactly, from a fixed seed.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 100_000
"""The standard error of a probability is at most .0016."""

RATIOS = np.geomspace(1e-3, 1e5, 400)
"""Of tau to sigma: 1e-3 is as none, and 1e5 all that the last digits of a score can show."""

Table = NDArray[np.float64]


@dataclass(frozen=True)
class Posterior:
    """The pooled SD of one run, its degrees of freedom, and what is to be said of each candidate.

    `best`: its probability to be the best. `expected`: the median of its true mean, to which those
    of the runs are drawn together; None without a run.
    """

    sd: float
    degrees: int
    best: tuple[float, ...]
    expected: tuple[float | None, ...]


def posterior(values: Sequence[Sequence[float]], *, draws: int = DRAWS) -> Posterior | None:
    """Compare candidates by their runs' values; None where no candidate has two runs.

    A candidate without a run has the probability 0. More is better. Where all runs of each
    candidate are equal there is no noise, and the highest share the probability.
    """
    ran = [place for place, runs in enumerate(values) if runs]
    number = np.array([len(values[place]) for place in ran], dtype=np.float64)
    degrees = int(number.sum()) - len(ran)
    if not degrees:
        return None
    mean = np.array([statistics.fmean(values[place]) for place in ran])
    squares = sum(statistics.variance(runs) * (len(runs) - 1) for runs in values if len(runs) > 1)
    drawn = _drawn(mean, number, squares, degrees, draws) if squares else mean[None, :]
    first = drawn == drawn.max(axis=1, keepdims=True)
    best = dict(zip(ran, (first / first.sum(axis=1, keepdims=True)).mean(axis=0), strict=True))
    expected = dict(zip(ran, np.median(drawn, axis=0), strict=True))
    return Posterior(
        math.sqrt(squares / degrees),
        degrees,
        tuple(float(best.get(place, 0)) for place in range(len(values))),
        tuple(
            float(expected[place]) if place in expected else None for place in range(len(values))
        ),
    )


def _drawn(mean: Table, number: Table, squares: float, degrees: int, draws: int) -> Table:
    """True means from their posterior: (draws, candidates)."""
    weight = 1 / (1 / number + RATIOS[:, None] ** 2)  # (ratios, candidates)
    total = weight.sum(axis=1)
    centre = weight @ mean / total
    spread = squares + (weight * (mean - centre[:, None]) ** 2).sum(axis=1)
    degrees += len(mean) - 1
    log = (np.log(weight).sum(axis=1) - np.log(total) - degrees * np.log(spread)) / 2
    log += np.log(RATIOS) - np.log1p(RATIOS**2)  # the prior, on a grid that is even in log r
    likely = np.exp(log - log.max()).cumsum()
    even = (np.arange(draws) + 0.5) / draws
    at = np.searchsorted(likely, even * likely[-1])
    chance = np.random.default_rng(0)
    sigma = np.sqrt(spread[at] / chance.chisquare(degrees, draws))
    common = centre[at] + sigma / np.sqrt(total[at]) * chance.standard_normal(draws)
    drawn = np.empty((draws, len(mean)))
    for place, (own, runs) in enumerate(zip(mean, number, strict=True)):
        pooled = 1 / (runs * RATIOS[at] ** 2 + 1)  # how far it is drawn to the common mean
        scale = sigma * np.sqrt((1 - pooled) / runs)
        drawn[:, place] = own + pooled * (common - own) + scale * chance.standard_normal(draws)
    return drawn
