"""How sure it is that a member adds something: resampled dev dialogues, and those left out of it.

Two things make a gain on dev look larger than it is. Other dialogues would give another figure: the
interval holds 95% of the gains over resamples of the dialogues (paired percentile bootstrap). And
the member was chosen for its score on these very dialogues: so it is chosen again in each resample,
and judged on the dialogues that are not in it. The difference is the choice's optimism.

What another seed would do to the models themselves is in neither; hpo confirm measures that.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hpo.ensemble.forward import Scores, Step

RESAMPLES = 1000
SEED = 0  # the same figures each time
COVERED = (2.5, 97.5)  # percentiles


@dataclass(frozen=True)
class Gain:
    """What was gained on dev: as measured, its 95% interval, and on held-out dialogues."""

    measured: float
    low: float
    high: float
    held_out: float

    @property
    def optimism(self) -> float:
        """What having been chosen on the same dialogues adds to the figure."""
        return self.measured - self.held_out

    @property
    def is_clear(self) -> bool:
        """Whether the interval, moved down by the optimism, lies above 0."""
        return self.low - max(self.optimism, 0.0) > 0

    @property
    def verdict(self) -> str:
        """What the interval says, in words."""
        if self.is_clear:
            return "above the noise"
        return "a loss beyond the noise" if self.high < 0 else "within the noise"


def gain_of(step: Step) -> Gain | None:
    """What a step's member added; None for the first one."""
    if step.before is None:
        return None
    difference = step.scores - step.before
    low, high = _interval(difference)
    held_out = _held_out(step.tried - step.before)
    return Gain(float(difference.mean()), low, high, held_out)


def total(steps: list[Step]) -> Gain:
    """What all members after the first added together; their optimism is the steps' sum."""
    difference = steps[-1].scores - steps[0].scores
    low, high = _interval(difference)
    gains = [gain for step in steps if (gain := gain_of(step)) is not None]
    measured = float(difference.mean())
    return Gain(measured, low, high, measured - sum(gain.optimism for gain in gains))


def single_held_out(step: Step) -> float:
    """The first member's score as judged on dialogues that it was not chosen on."""
    return _held_out(step.tried)


def _interval(difference: Scores) -> tuple[float, float]:
    means = _drawn(len(difference)) @ difference / len(difference)
    low, high = np.percentile(means, COVERED)
    return float(low), float(high)


def _held_out(tried: NDArray[np.float64]) -> float:
    """Return the best candidate's mean less what its having been chosen adds.

    tried: (candidates, dialogues). What is chosen in a resample is compared with the best one on
    the same left-out dialogues, so that which dialogues they are cancels out.
    """
    drawn = _drawn(tried.shape[1])
    best = tried.mean(axis=1).argmax()
    chosen = (drawn @ tried.T).argmax(axis=1)
    rest = drawn == 0
    some = rest.any(axis=1)
    sums = rest[some] @ tried.T  # (resamples, candidates), over the left-out dialogues
    losses = sums[:, best] - sums[np.arange(len(sums)), chosen[some]]
    lost = losses / rest[some].sum(axis=1)
    return float(tried[best].mean()) - (float(lost.mean()) if len(lost) else 0.0)


@lru_cache(maxsize=1)
def _drawn(dialogues: int) -> NDArray[np.float64]:
    """Return how often each dialogue is in each resample: (RESAMPLES, dialogues)."""
    chances = np.full(dialogues, 1 / dialogues)
    drawn = np.random.default_rng(SEED).multinomial(dialogues, chances, size=RESAMPLES)
    return drawn.astype(np.float64)
