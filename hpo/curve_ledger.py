"""What the trials of a study tell about learning curves, kept between the decisions of a process.

A trial that is over is read once and counted; only what is running is read at every decision. The
counts do not depend on the order in which trials ended, so every process comes to the same.
"""

from __future__ import annotations  # an array's type

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.bending import BENDS, bend_of
from hpo.learning_curve import LearningCurve
from hpo.trial_record import is_infeasible

CURVES = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Leader:
    """The trial that has reached the most; `best` with more as better."""

    best: float
    number: int


@dataclass(frozen=True)
class Behaviour:
    """How the curves of a study behave at one step: the noise of each, and how often each bend."""

    noises: np.ndarray
    bends: Sequence[int]

    @property
    def noise(self) -> float:
        """The usual noise; 0 before any curve has come that far."""
        return float(np.median(self.noises)) if len(self.noises) else 0.0


@dataclass
class _Tally:
    """The behaviour at one step of the first `counted` curves that are over."""

    counted: int = 0
    noises: array[float] = field(default_factory=lambda: array("d"))
    bends: list[int] = field(default_factory=lambda: [0] * len(BENDS))

    def add(self, curve: LearningCurve, step: int) -> None:
        count = curve.until(step)
        if count and curve.steps[-1] >= step:
            self.noises.append(curve.noise(count))
            bend = bend_of(curve, step)
            if bend is not None:
                self.bends[bend] += 1


class CurveLedger:
    """The curves of one study; `direction` is fixed for its life."""

    def __init__(self, *, sign: float) -> None:
        self._sign = sign
        self._read = 0
        self._open: list[int] = []
        self._over: list[LearningCurve] = []
        self._tallies: dict[int, _Tally] = {}
        self._leader: Leader | None = None
        self._running: list[tuple[int, LearningCurve]] = []

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has changed; `trials` are all of the study's, in order."""
        places = [*self._open, *range(self._read, len(trials))]
        self._read, self._open, self._running = len(trials), [], []
        for place in places:
            trial = trials[place]
            if not trial.state.is_finished():
                self._open.append(place)
            if trial.state is TrialState.RUNNING and not is_infeasible(trial):
                self._running.append((trial.number, LearningCurve.of(trial, sign=self._sign)))
            elif trial.state in CURVES and not is_infeasible(trial):
                self._count(trial)

    def _count(self, trial: FrozenTrial) -> None:
        curve = LearningCurve.of(trial, sign=self._sign)
        self._over.append(curve)
        if trial.state is TrialState.COMPLETE:
            reached = self._sign * trial.values[0]
            if math.isfinite(reached):
                self._leader = _better(self._leader, Leader(reached, trial.number))

    def leader(self, *, without: int) -> Leader | None:
        """The best of the trials that are complete or running, `without` this one."""
        best = self._leader
        for number, curve in self._running:
            if number != without and len(curve):
                best = _better(best, Leader(curve.best[-1], number))
        return best

    def behaviour(self, step: int, *, own: tuple[int, LearningCurve]) -> Behaviour:
        """How the curves behave at this step; the noise of the trial's `own` counts as well."""
        tally = self._tallies.setdefault(step, _Tally())
        for curve in self._over[tally.counted :]:
            tally.add(curve, step)
        tally.counted = len(self._over)
        live = _Tally(bends=list(tally.bends))
        for number, curve in self._running:
            if number != own[0]:
                live.add(curve, step)
        live.noises.append(own[1].noise(len(own[1])))
        return Behaviour(np.concatenate((tally.noises, live.noises)), live.bends)


class Ledgers:
    """The ledger of the study that was asked about last; hold `lock` while it is used.

    A copy in another process, or a deep one, begins anew.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self._ledger: CurveLedger | None = None
        self._study: tuple[object, ...] = ()
        self._size = 0

    def of(self, study: Study, trials: Sequence[FrozenTrial], *, sign: float) -> CurveLedger:
        """The study's ledger, up to date."""
        first = trials[0] if trials else None
        key = (
            study._study_id,  # noqa: SLF001 - Optuna has no public way to it
            study.study_name,
            None if first is None else (first._trial_id, first.datetime_start),  # noqa: SLF001
            sign,
        )
        if self._ledger is None or key != self._study or len(trials) < self._size:
            self._ledger, self._study = CurveLedger(sign=sign), key
        self._ledger.read(trials)
        self._size = len(trials)
        return self._ledger

    def __deepcopy__(self, memo: dict[int, object]) -> Ledgers:
        return Ledgers()

    def __reduce__(self) -> tuple[type[Ledgers], tuple[()]]:
        return Ledgers, ()


def _better(one: Leader | None, other: Leader) -> Leader:
    """The one that has reached more, the earlier of equals."""
    if one is None or (other.best, -other.number) > (one.best, -one.number):
        return other
    return one
