"""A trial's learning curve as the extrapolation sees it: where it stands, how fast, how noisy.

Values are turned so that more is better, steps count from 1, and reports that are no number are
left out. Everything here follows from one curve alone.
"""

import math
import statistics
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate

from optuna.trial import FrozenTrial

WINDOW = 3  # evaluations that a line is fitted to, at least; later the second half of the curve
RECENT = 10  # second differences that the noise is taken from
SD_OF_MAD = 1 / 0.6745  # of a normal distribution
SD_OF_SECOND_DIFFERENCE = math.sqrt(6)  # of independent noise with a standard deviation of 1
ROUNDING = 1e-12  # of the largest value: differences below it are none


def offset(trial: FrozenTrial) -> int:
    """What the trial's steps lack to count from 1: other programs than hpo count from 0."""
    return 1 if 0 in trial.intermediate_values else 0


def reached(trial: FrozenTrial) -> int:
    """The trial's last step, counted from 1; 0 before its first report."""
    last = trial.last_step
    return 0 if last is None else max(last + offset(trial), 0)


@dataclass(frozen=True)
class Line:
    """A line through the latest evaluations.

    `level` is its height at the last of them and `slope` its rise in a step; a noise of standard
    deviation 1 would give the slope a standard error of `error`.
    """

    level: float
    slope: float
    error: float


@dataclass(frozen=True)
class LearningCurve:
    """The valid evaluations of a trial in order; `best` is the best so far at each."""

    steps: tuple[int, ...]
    values: tuple[float, ...]
    best: tuple[float, ...]

    @classmethod
    def of(cls, trial: FrozenTrial, *, sign: float) -> "LearningCurve":
        """The trial's curve; `sign` is -1 where less is better."""
        reported, first = trial.intermediate_values, offset(trial)
        valid = [(step, sign * value) for step, value in reported.items() if math.isfinite(value)]
        points = sorted((step + first, value) for step, value in valid if step + first > 0)
        steps, values = tuple(step for step, _ in points), tuple(value for _, value in points)
        return cls(steps, values, tuple(accumulate(values, max)))

    def __len__(self) -> int:
        return len(self.steps)

    def until(self, step: int) -> int:
        """How many evaluations there were at this step."""
        return bisect_right(self.steps, step)

    def best_until(self, step: int) -> float:
        """The best by this step; minus infinity where there was none."""
        count = self.until(step)
        return self.best[count - 1] if count else -math.inf

    def lowest(self, count: int) -> int:
        """The place of the lowest of the first `count` evaluations."""
        return min(range(count), key=self.values.__getitem__)

    def line(self, count: int, *, since: int = 0) -> Line:
        """The line through the second half of the first `count` evaluations, three at least.

        Evaluations before the place `since` are left out, however few are left.
        """
        start = bisect_left(self.steps, self.steps[count - 1] // 2)
        start = max(min(start, count - WINDOW), since)
        steps, values = self.steps[start:count], self.values[start:count]
        if len(steps) == 1:
            return Line(values[0], 0.0, 0.0)
        middle, height = sum(steps) / len(steps), sum(values) / len(values)
        spread = sum((step - middle) ** 2 for step in steps)
        slope = (
            sum((s - middle) * (v - height) for s, v in zip(steps, values, strict=True)) / spread
        )
        return Line(height + slope * (steps[-1] - middle), slope, 1 / math.sqrt(spread))

    def noise(self, count: int) -> float:
        """The standard deviation of one evaluation, from the second differences of the curve.

        Their median, so that a jump or a single bad evaluation does not count as noise.
        """
        values = self.values[max(count - RECENT - 2, 0) : count]
        if not values:
            return 0.0
        floor = ROUNDING * max(map(abs, values))
        bends = [
            abs(c - 2 * b + a) for a, b, c in zip(values, values[1:], values[2:], strict=False)
        ]
        if not bends:
            return floor
        return max(statistics.median(bends) * SD_OF_MAD / SD_OF_SECOND_DIFFERENCE, floor)
