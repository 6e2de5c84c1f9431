"""How learning curves bend: how soon a rise fades, learned from the curves that went on.

A curve that rises by `slope` a step at step s is taken to rise by slope * (t / s)**-bend at step t:
bend 0 goes on at the same speed, 1 is a logarithm, above 1 comes to an end. What bend to expect at
a step is a normal distribution; before any curve is known it is centred at the logarithm, with the
straight line two standard deviations away.
"""

import math
from collections.abc import Sequence

from hpo.learning_curve import LearningCurve

BENDS = tuple(bend / 10 for bend in range(-10, 41))  # -1 speeds up, 4 has all but ended
PRIOR_MEAN, PRIOR_SD = 1.0, 0.5
PRIOR_CURVES = 1.0  # what the prior's mean weighs
PRIOR_SPREADS = 2.0  # what its standard deviation weighs
OPTIMISM = 2.0  # standard deviations: the share of curves that rise longer is some 2%
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


def least_bend(counts: Sequence[int]) -> float:
    """The bend that hardly any curve stays below, from how often each of BENDS was seen.

    At least 0: no curve is expected to speed up.
    """
    seen = sum(counts)
    weight = PRIOR_CURVES + seen
    pairs = list(zip(counts, BENDS, strict=True))
    mean = (PRIOR_CURVES * PRIOR_MEAN + sum(count * bend for count, bend in pairs)) / weight
    squares = sum(count * (bend - mean) ** 2 for count, bend in pairs)
    squares += PRIOR_CURVES * (PRIOR_MEAN - mean) ** 2 + PRIOR_SPREADS * PRIOR_SD**2
    return max(mean - OPTIMISM * math.sqrt(squares / (PRIOR_SPREADS + seen)), 0.0)
