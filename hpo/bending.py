"""How learning curves bend: how soon a rise fades, learned from the curves that went on.

A curve that rises by `slope` a step at step s is taken to rise by slope * (t / s)**-bend at step t:
bend 0 goes on at the same speed, 1 is a logarithm, above 1 comes to an end. What bend to expect at
a step is a normal distribution; before any curve is known it is centred at the logarithm, and the
straight line is less than two standard deviations away.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.learning_curve import LearningCurve

BENDS = tuple(bend / 10 for bend in range(-10, 26))  # -1 speeds up, 2.5 has all but ended
PRIOR_MEAN, PRIOR_SD = 1.0, 0.5
PRIOR_CURVES = 1.0  # what the prior's mean weighs
PRIOR_SPREADS = 2.0  # curves that its standard deviation weighs
LONGER = 1.5  # times the step, from where on a curve tells how its rise went on
RISING, GAINED = 2.0, 3.0  # standard errors beyond which a rise, or a gain, is more than noise


def stretch(ratio: float, bend: float) -> float:
    """The rise from step s to ratio * s, in units of slope * s."""
    power, logarithm = 1 - bend, math.log(ratio)
    return logarithm if abs(power) < 1e-9 else math.expm1(power * logarithm) / power  # noqa: PLR2004


def bend_of(curve: LearningCurve, step: int) -> int | None:
    """The place in BENDS of how the curve went on after `step`; None where it does not tell.

    It does not where it ended soon after, or neither rose nor gained beyond its noise.
    """
    count = curve.until(step)
    if not count or curve.steps[-1] < LONGER * step:
        return None
    line, noise = curve.line(count), curve.noise(count)
    gain = curve.best[-1] - line.level
    if not (line.slope > RISING * line.error * noise or gain > GAINED * noise):
        return None
    ratio, start = curve.steps[-1] / step, max(line.slope * step, 0.0)
    low, high = 0, len(BENDS) - 1
    while low < high:  # the rise shrinks with the bend
        middle = (low + high) // 2
        if start * stretch(ratio, BENDS[middle]) > gain:
            low = middle + 1
        else:
            high = middle
    return low


@dataclass(frozen=True)
class Expected:
    """The bend that is expected of the next curve, and its standard deviation."""

    mean: float
    sd: float

    def least(self, deviations: float) -> float:
        """The bend so many standard deviations below; at least 0, for none is to speed up."""
        return max(self.mean - deviations * self.sd, 0.0)


def expected_bend(counts: Sequence[int]) -> Expected:
    """What to expect after how often each of BENDS was seen."""
    seen = sum(counts)
    weight = PRIOR_CURVES + seen
    pairs = list(zip(counts, BENDS, strict=True))
    mean = (PRIOR_CURVES * PRIOR_MEAN + sum(count * bend for count, bend in pairs)) / weight
    squares = sum(count * (bend - mean) ** 2 for count, bend in pairs)
    squares += PRIOR_CURVES * (PRIOR_MEAN - mean) ** 2 + PRIOR_SPREADS * PRIOR_SD**2
    # Of the next curve: few curves tell little of their mean either.
    return Expected(mean, math.sqrt(squares / (PRIOR_SPREADS + seen) * (1 + 1 / weight)))
