"""What the trials of a study tell about learning curves, kept between the decisions of a process.

A trial that is over is read once; only what is running is read at every decision. How curves behave
is taken from the latest ones alone, so a decision costs the same however many trials there are, the
first one of a process nearly so. By the trials' numbers, not by when a process learnt of their end:
every process comes to the same.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpo.bending import BENDS, LONGER, bend_of
from hpo.learning_curve import LearningCurve, reached
from hpo.own_trials import OwnTrials
from hpo.trial_record import is_infeasible

LATEST = 100  # curves that the behaviour at a step is taken from
CURVES = (TrialState.COMPLETE, TrialState.PRUNED)
KEPT_CURVES, KEPT_BENDS = 4096, 65536  # a few MB


@dataclass(frozen=True)
class Leader:
    """The trial whose curve has reached the most; `best` with more as better."""

    best: float
    number: int


@dataclass(frozen=True)
class Behaviour:
    """How curves behave from one step on: the usual noise of an evaluation, how often each bend."""

    noise: float
    bends: Sequence[int]


class CurveLedger:
    """The curves of one study's `own` trials, None: of all; `sign` is -1 where less is better."""

    def __init__(self, *, sign: float, own: OwnTrials | None = None) -> None:
        self._sign = sign
        self._own = own
        self._trials: Sequence[FrozenTrial] = ()
        self._open: list[int] = []
        self._running: list[FrozenTrial] = []
        self._running_curves: dict[int, LearningCurve] = {}
        self._reached = np.zeros(0, dtype=np.int64)  # last step of each curve that is over, or 0
        self._leader: Leader | None = None
        self._curve = lru_cache(KEPT_CURVES)(self._read_curve)
        self._noise = lru_cache(KEPT_CURVES)(self._read_noise)
        self._bend = lru_cache(KEPT_BENDS)(self._read_bend)

    def read(self, trials: Sequence[FrozenTrial]) -> None:
        """Take in what has changed; `trials` are all of the study's, in order."""
        places = [*self._open, *range(len(self._trials), len(trials))]
        self._trials, self._open, self._running = trials, [], []
        self._running_curves.clear()
        if len(trials) > len(self._reached):
            grown = np.zeros(2 * len(trials), dtype=np.int64)
            grown[: len(self._reached)] = self._reached
            self._reached = grown
        for place in places:
            self._take(place, trials[place])

    def _take(self, place: int, trial: FrozenTrial) -> None:
        if not trial.state.is_finished():
            self._open.append(place)
        if is_infeasible(trial) or not (self._own is None or self._own.has(trial)):
            return
        if trial.state is TrialState.RUNNING:
            self._running.append(trial)
        elif trial.state in CURVES:
            self._reached[place] = reached(trial)
        if self._may_lead(trial, place):
            leader = Leader(self._sign * trial.values[0], trial.number)
            self._leader = _better(self._leader, leader)

    def _may_lead(self, trial: FrozenTrial, place: int) -> bool:
        """Whether a curve may come to its value, which another program may have told."""
        if trial.state is not TrialState.COMPLETE or not self._reached[place]:
            return False
        return math.isfinite(trial.values[0]) and (self._own is None or self._own.can_win(trial))

    def leader(self, *, without: int) -> Leader | None:
        """The best of the trials that are complete or running, `without` this one."""
        best = self._leader
        for trial in self._running:
            values = [v * self._sign for v in trial.intermediate_values.values()]
            most = max(filter(math.isfinite, values), default=None)
            if most is not None and trial.number != without:
                best = _better(best, Leader(most, trial.number))
        return best

    def standing(self, curve: LearningCurve, *, without: int) -> tuple[int, int]:
        """The curve's place at its last step among the latest trials, from 1, and of how many.

        Who had more by then is ahead, also a trial that has not come so far or was over before; of
        those that are still on their way, the others do not count. `without` is the curve's trial.
        """
        step, best = curve.steps[-1], curve.best[-1]
        over = self._latest(1)
        known = [self._curve(place) for place in over]
        ahead = sum(one.best_until(step) > best for one in known)
        running = [(one.best_until(step), one.steps[-1]) for one in self._live(1, without, ())]
        more = sum(by_then > best for by_then, _ in running)
        behind = sum(by_then <= best and last >= step for by_then, last in running)
        return ahead + more + 1, len(over) + more + behind + 1

    def behaviour(self, step: int, *, own: tuple[int, LearningCurve]) -> Behaviour:
        """How the curves behave that came to this step; of the trial's `own` the noise alone."""
        number, curve = own
        noises = [self._noise(place) for place in self._latest(step)]
        noises += [one.noise(len(one)) for one in self._live(step, number, noises)]
        longer = math.ceil(LONGER * step)
        bends = [self._bend(place, step) for place in self._latest(longer)]
        bends += [bend_of(one, step) for one in self._live(longer, number, bends)]
        noise = float(np.median([*noises, curve.noise(len(curve))]))
        return Behaviour(noise, [bends.count(place) for place in range(len(BENDS))])

    def _latest(self, step: int) -> list[int]:
        """The places of the latest curves that are over and have come so far."""
        return [int(place) for place in np.flatnonzero(self._reached >= step)[-LATEST:]]

    def _live(self, step: int, without: int, over: Sequence[object]) -> Iterator[LearningCurve]:
        """The running curves that have come so far, where too few are over."""
        for trial in self._running[: max(LATEST - len(over), 0)]:
            if trial.number != without and reached(trial) >= step:
                curve = self._running_curve(trial)
                if len(curve):
                    yield curve

    def _running_curve(self, trial: FrozenTrial) -> LearningCurve:
        if trial.number not in self._running_curves:
            self._running_curves[trial.number] = LearningCurve.of(trial, sign=self._sign)
        return self._running_curves[trial.number]

    def _read_curve(self, place: int) -> LearningCurve:
        return LearningCurve.of(self._trials[place], sign=self._sign)

    def _read_noise(self, place: int) -> float:
        curve = self._curve(place)
        return curve.noise(len(curve))

    def _read_bend(self, place: int, step: int) -> int | None:
        return bend_of(self._curve(place), step)


class Ledgers:
    """The ledger of the study that was asked about last; hold `lock` while it is used.

    A copy in another process, or a deep one, begins anew.
    """

    def __init__(self, own: OwnTrials | None = None) -> None:
        self.lock = Lock()
        self._own = own
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
            self._ledger, self._study = CurveLedger(sign=sign, own=self._own), key
        self._ledger.read(trials)
        self._size = len(trials)
        return self._ledger

    def __deepcopy__(self, memo: dict[int, object]) -> "Ledgers":
        return Ledgers(self._own)

    def __reduce__(self) -> tuple[type["Ledgers"], tuple[OwnTrials | None]]:
        return Ledgers, (self._own,)


def _better(one: Leader | None, other: Leader) -> Leader:
    """The one that has reached more, the earlier of equals."""
    if one is None or (other.best, -other.number) > (one.best, -one.number):
        return other
    return one
