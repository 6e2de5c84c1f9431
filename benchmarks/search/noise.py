"""How noisy scores are: one evaluation's noise, and a training's between two seeds."""

import random
import statistics
from dataclasses import replace

from benchmarks.search.curves import Curve, Task

TOP = 10
"""One in this many configurations, the best, is looked at: what is bad may wobble as it likes."""

SECOND_DIFFERENCE = 6.0
"""Variance of x[t-1] - 2 x[t] + x[t+1] over that of x, for independent noise on a straight line."""


def evaluation_noise(task: Task) -> float:
    """SD of one evaluation around its curve, from the last thirds of the best tenth's curves.

    The median over the curves. Second differences leave out what bends slowly. A seed moves the
    whole curve beside, so this is at most the noise between two seeds.
    """
    finished = sorted((c for c in task.curves if not c.diverged), key=lambda c: -c.value)
    return statistics.median(map(_wobble, finished[: max(len(finished) // TOP, 3)]))


def seed_noise(task: Task) -> float:
    """SD of a training's value over seeds; where none were recorded, the evaluation's."""
    if len(task.reruns) > 1:
        return statistics.stdev(map(max, task.reruns))
    return evaluation_noise(task)


def noisy(task: Task, sd: float, seed: int) -> Task:
    """The task with independent normal noise on every score."""
    chance = random.Random(f"noise:{task.name}:{seed}")
    return replace(task, curves=tuple(_shaken(curve, sd, chance) for curve in task.curves))


def _shaken(curve: Curve, sd: float, chance: random.Random) -> Curve:
    return replace(curve, scores=tuple(s + chance.gauss(0, sd) for s in curve.scores))


def _wobble(curve: Curve) -> float:
    last = curve.scores[-max(len(curve.scores) // 3, 4) :]
    bends = [a - 2 * b + c for a, b, c in zip(last, last[1:], last[2:], strict=False)]
    variance = statistics.fmean(bend**2 for bend in bends)
    return float((variance / SECOND_DIFFERENCE) ** 0.5)
