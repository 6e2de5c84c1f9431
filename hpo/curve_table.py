"""The trials of a study as arrays: best values so far, ends and parameters, a row a trial.

What has finished never changes and is laid out once a process; what runs is laid out anew.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hpo.curve_scores import Floats, Wholes
from hpo.learning_curve import offset
from hpo.suggest import holds

EXACT = 100
"""Evaluations that are told apart; of later ones, those within 1% of each other are one."""

Params = Mapping[str, object]


@dataclass(frozen=True)
class Curves:
    """A row a trial, more is better.

    `best` (n, evaluations) has the best value so far and NaN after the last, `reached` (n) how
    many evaluations that are, and `final` (n) the score of a completed trial or NaN. A trial that
    is infeasible, or has shown nothing yet, has reached 0 and no final score. `violation` (n) is by
    how much it is infeasible, 0 where it is not and infinite where it completed without a score.
    """

    numbers: Wholes
    best: Floats
    reached: Wholes
    final: Floats
    violation: Floats

    def joined(self, other: "Curves") -> "Curves":
        """These rows, then the others'."""
        width = max(self.best.shape[1], other.best.shape[1])
        return Curves(
            np.concatenate([self.numbers, other.numbers]),
            np.concatenate([_widened(self.best, width), _widened(other.best, width)]),
            np.concatenate([self.reached, other.reached]),
            np.concatenate([self.final, other.final]),
            np.concatenate([self.violation, other.violation]),
        )

    def taken(self, rows: Wholes) -> "Curves":
        """Only these rows, in this order."""
        return Curves(
            self.numbers[rows],
            self.best[rows],
            self.reached[rows],
            self.final[rows],
            self.violation[rows],
        )


class FinishedTrials:
    """The finished trials of one study, in the order in which this process first saw them."""

    def __init__(self, *, sign: float) -> None:
        self._sign = sign
        self._seen: set[int] = set()
        self._trials: list[FrozenTrial] = []
        self._columns: dict[str, tuple[BaseDistribution, Floats]] = {}
        self.curves = curves([], sign=sign)

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Lay out those that are new here."""
        new = [trial for trial in trials if trial.number not in self._seen]
        if new:
            self._seen.update(trial.number for trial in new)
            self._trials += new
            self.curves = self.curves.joined(curves(new, sign=self._sign))

    def column(self, name: str, dist: BaseDistribution) -> Floats:
        """A parameter as Optuna counts it, a row a trial; NaN where there is none inside `dist`."""
        known, values = self._columns.get(name, (dist, np.empty(0)))
        if known != dist:
            values = np.empty(0)
        new = [trial.params for trial in self._trials[len(values) :]]
        values = np.concatenate([values, column(new, name, dist)])
        self._columns[name] = (dist, values)
        return values


def curves(trials: Sequence[FrozenTrial], *, sign: float) -> Curves:
    """Trials in any state as rows; `sign` is -1 where the study minimizes."""
    rows = [np.empty(0) if _violation(trial) else _best_so_far(trial, sign) for trial in trials]
    best = np.full((len(rows), max(map(len, rows), default=0)), np.nan)
    for line, row in zip(best, rows, strict=True):
        line[: len(row)] = row
    return Curves(
        np.array([trial.number for trial in trials], dtype=np.int64),
        best,
        np.array([len(row) for row in rows], dtype=np.int64),
        np.array([_final(trial, sign) for trial in trials], dtype=np.float64),
        np.array([_violation(trial) for trial in trials], dtype=np.float64),
    )


def column(params: Sequence[Params], name: str, dist: BaseDistribution) -> Floats:
    """One parameter of many trials as Optuna counts it; NaN where there is none inside `dist`."""
    values = [_internal(dist, each[name]) if name in each else math.nan for each in params]
    return np.array(values, dtype=np.float64)


def _internal(dist: BaseDistribution, value: object) -> float:
    return dist.to_internal_repr(value) if holds(dist, value) else math.nan


def _violation(trial: FrozenTrial) -> float:
    if trial.state == TrialState.COMPLETE and not math.isfinite(trial.value or 0):
        return math.inf
    return sum((value for value in trial.constraints.values() if value > 0), start=0.0)


def _final(trial: FrozenTrial, sign: float) -> float:
    if trial.state != TrialState.COMPLETE or trial.value is None or _violation(trial):
        return math.nan
    return sign * trial.value


def _best_so_far(trial: FrozenTrial, sign: float) -> Floats:
    """The best value at each evaluation up to the last; before the first it is the first's."""
    row: list[float] = []
    first = offset(trial)
    for step, value in sorted(trial.intermediate_values.items()):
        if math.isfinite(value):
            best = max(sign * value, row[-1]) if row else sign * value
            place = _place(step + first)
            row += [row[-1] if row else best] * (place - len(row) - 1)
            row[place - 1 :] = [best]
    return np.array(row, dtype=np.float64)


def _place(step: int) -> int:
    """Which column's number, from 1, a step that counts from 1 has."""
    if step <= EXACT:
        return max(step, 1)
    return EXACT + round(EXACT * math.log(step / EXACT))


def _widened(best: Floats, width: int) -> Floats:
    missing = np.full((len(best), width - best.shape[1]), np.nan)
    return np.concatenate([best, missing], axis=1)
