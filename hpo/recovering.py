"""Curves that have fallen below their first evaluation and climb again.

A learning rate that is too high at first throws a training back. Most such curves stay there, but
a few come to lead, and nothing that is counted from their best shows it: that stays the first
evaluation, while they climb far below it. What tells is the climb, carried straight on.
"""

from hpo.learning_curve import LearningCurve

FALLEN = 3.0  # usual noises below the first evaluation
LOST = 100.0  # times what the best is above the first evaluation: too deep to be followed
FIRST_CLIMB = 5  # evaluations before which there is no climb to see


def may_recover(curve: LearningCurve, *, best: float, last: int, noise: float) -> bool:
    """Whether a fallen curve would come to `best` by the step `last`, if it climbed on as it does.

    With its last evaluation or without it; `noise` is the usual one of an evaluation. Before its
    fifth evaluation a fallen curve always may.
    """
    for count in (len(curve), len(curve) - 1):
        lowest, first = curve.lowest(count), curve.values[0]
        if not FALLEN * noise < first - curve.values[lowest] <= LOST * (best - first):
            continue
        if len(curve) < FIRST_CLIMB:
            return True
        line = curve.line(count, since=lowest)
        if line.level + line.slope * (last - curve.steps[count - 1]) >= best:
            return True
    return False
