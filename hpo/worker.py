"""A worker: claim a trial, run it, claim the next, until the study's budget is spent."""

import math
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field

from optuna.trial import Trial

import storage.errors
from config.counting import counted
from config.samplers import Queued
from config.space import combinations
from hpo.assignment import DEVICE_LOST, REPLACE
from hpo.early_stop import ending, finished
from hpo.lease_keeper import LeaseKeeper, LeaseLost
from hpo.objective import Objective
from hpo.own_trials import STUDY
from hpo.samplers import needs_lock
from hpo.stop import Stopped
from hpo.suggest import suggest
from hpo.trial_run import Outcome
from hpo.tried_sets import untried
from storage.budget import StudyBudget
from storage.connect import Database
from storage.errors import Missing, StorageError, WentBack
from storage.failures import translated
from storage.leases import Lease, Leases, Spent, Wait
from storage.workers import Workers
from trainer.errors import DeviceLost, DeviceTaken

SAME_FAILURES = 3
"""Failures in a row with one error after which a worker stops: the next would fail too."""
BEAT_S = 10.0
"""After so long a worker says again that it lives; while it trains, its lease's keeper does."""
POLL_S = 3.0
"""Longest pause between two looks for a trial that another worker has left."""


@dataclass(frozen=True)
class Limits:
    """When this worker ends before the budget does: `max_trials` None means never."""

    max_trials: int | None = None
    wait: bool = True


@dataclass(frozen=True)
class Ended:
    """Why a worker ended, in words, and its exit status.

    It is 1 when trials failed again and again alike; REPLACE and DEVICE_LOST ask for a fresh
    process that goes on. `spent`: the study takes no more trials, and none is running.
    """

    reason: str
    status: int = 0
    spent: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the worker goes on in another process."""
        return self.status in {REPLACE, DEVICE_LOST}


@dataclass
class Worker:
    """Takes trials of one study until its budget is spent or its own limit reached.

    `trials` and `failures` (the last ones, in a row) go on from the processes before this one.
    `excess` says in words what a trial has left in memory; None is nothing.
    """

    name: str
    database: Database
    objective: Objective
    leases: Leases
    budget: StudyBudget
    workers: Workers
    limits: Limits
    excess: Callable[[], str | None] = lambda: None
    trials: int = 0
    failures: list[str] = field(default_factory=list)
    _left_behind: str | None = None
    _said: tuple[str, float] = ("", -math.inf)  # what it does, when that was said

    def run(self) -> Ended:
        """Work until there is nothing left to do."""
        try:
            return self._work()
        except WentBack as error:  # pruner, sampler and others have in mind what is no longer so
            return Ended(f"{error}; a fresh process goes on", REPLACE)
        except StorageError:
            if not self.objective.around.stop.is_set():
                raise
            return Ended("stopped as asked; the database is away, so leases run out by themselves")

    def _work(self) -> Ended:
        around = self.objective.around
        while not around.stop.is_set():
            ended = self._limit_reached() or self._replacement()
            if ended is not None:
                return ended
            claim = self._claim()
            if isinstance(claim, Spent):
                return Ended(claim.reason or "the budget is spent", spent=True)
            if isinstance(claim, Lease):
                ended = self._take(claim)
                if ended is not None:
                    return ended
            elif self.limits.wait:
                self._wait(claim)
            else:
                return Ended(
                    f"the budget is taken; other workers run {counted(claim.running, 'trial')}"
                )
        return Ended("stopped as asked")

    def _claim(self) -> Lease | Wait | Spent:
        options = self.objective.config.optuna
        self._close_by_its_rule()
        return self.leases.claim(
            self.name,
            n_trials=options.n_trials,
            most=combinations(options.search_space),
            timeout_s=options.timeout,
            max_attempts=options.max_attempts,
            on_given_up=self.objective.given_up,
        )

    def _close_by_its_rule(self) -> None:
        """End the search for all workers where its rule says so."""
        rule = self.objective.config.optuna.stop
        if rule is None:
            return
        before = self.budget.last_closed()
        around = self.objective.around
        over = finished(around.study.get_trials(deepcopy=False), around.own)
        reason = ending(over, rule, since=0 if before is None else before.finished)
        if reason is not None:
            self.budget.close(reason, finished=len(over), after=before)

    def _replacement(self) -> Ended | None:
        """What asks for a fresh process, where this one has not let go of its memory."""
        if self._left_behind is None:
            return None
        return Ended(f"{self._left_behind}; a fresh process goes on", REPLACE)

    def _limit_reached(self) -> Ended | None:
        limit = self.limits.max_trials
        if limit is not None and self.trials >= limit:
            done = f"{counted(self.trials, 'trial')} done"
            return Ended(f"{done}, as many as --max-trials allows")
        last = self.failures[-SAME_FAILURES:]
        if len(last) == SAME_FAILURES and len(set(map(_kind, last))) == 1:
            return Ended(f"{SAME_FAILURES} trials in a row failed alike: {last[0]}", status=1)
        return None

    def _say(self, doing: str) -> None:
        """Have the list of workers say what this one does, where it does not say so already."""
        before, at = self._said
        if doing != before or time.monotonic() - at >= BEAT_S:
            self.workers.beat(self.name, doing=doing)
            self._said = doing, time.monotonic()

    def _wait(self, claim: Wait) -> None:
        self._say("waiting")
        self.objective.around.progress.waiting(claim.running)
        self.objective.around.stop.wait(min(claim.seconds, POLL_S))

    def _take(self, lease: Lease) -> Ended | None:
        """Run one leased trial; None to go on with another.

        A trial that ends closes its lease. That of a trial whose device failed stays: the next
        process forfeits it, and the trial counts an attempt. Where others fill the card it counts
        none, and the parent starts another process some time later.
        """
        self._say("training")
        progress = self.objective.around.progress
        with LeaseKeeper(self.leases, self.workers, lease) as keeper:
            try:
                outcome = self._run(lease, keeper)
            except Stopped:
                self.leases.release(lease)
                progress.left()
                return None
            except (LeaseLost, storage.errors.LeaseLost, Missing):
                self.leases.check_study()  # with it everything is gone: nothing goes on elsewhere
                # Raises WentBack where the lease was not taken over, but lost with other things.
                self.objective.around.study.get_trials(deepcopy=False)
                progress.lost()
                return None
            except WentBack:
                self.leases.release(lease)
                progress.left()
                raise
            except DeviceTaken as error:
                self.leases.release(lease)
                progress.left()
                return Ended(str(error), DEVICE_LOST)
            except DeviceLost as error:
                return Ended(str(error), DEVICE_LOST)
        if outcome is None:
            return Ended(self._nothing_to_draw() or "another program has taken the trial")
        if outcome.elsewhere:
            self.leases.done(lease)
        self._count(outcome)
        self._left_behind = self.excess()
        return None

    def _run(self, lease: Lease, keeper: LeaseKeeper) -> Outcome | None:
        with ExitStack() as held:
            with self._turn():
                if lease.trial_id is None and self._nothing_to_draw() is not None:
                    self.leases.cancel(lease)
                    return None
                with self.database.storage.one_look():
                    started = self.leases.start(lease)
                    held.enter_context(self.database.fence(started))
                    drawn = self._draw(started.trial_id, keeper)
            if isinstance(drawn, Outcome):
                return drawn
            trial, params = drawn
            self.objective.around.chores.add(self._look_for_best)
            return self.objective.run(trial, params, keeper, continued=lease.continued)

    def _draw(
        self, trial_id: int | None, keeper: LeaseKeeper
    ) -> tuple[Trial, dict[str, object]] | Outcome:
        """The trial with its parameters, or how it ended because of them."""
        assert trial_id is not None  # noqa: S101 - a lease that was started has a trial
        try:
            with translated(self.database.url):
                trial = Trial(self.objective.around.study, trial_id)
                with self.database.storage.together(trial_id):
                    trial.set_user_attr(STUDY, self.objective.around.study_key)
                    params = suggest(trial, self.objective.config.optuna.search_space)
                return trial, params
        except StorageError:
            raise  # the database failed, not the trial: its lease runs out and it goes on
        except Exception as error:  # noqa: BLE001 - one trial's parameters must not stop the worker
            keeper.confirm()
            return self.objective.refuse(trial_id, error)

    def _turn(self) -> AbstractContextManager[None]:
        """One worker at a time where two could draw the same set at once."""
        if not needs_lock(self.objective.config):
            return nullcontext()
        return self.database.turn(f"ask {self.objective.around.study.study_name}")

    def _nothing_to_draw(self) -> str | None:
        """Why there can be no new parameters, in words; None where there are some."""
        options = self.objective.config.optuna
        if isinstance(options.sampler, Queued):
            return "no trial is queued"
        if untried(self.objective.around.study, options.search_space) == 0:
            return "every combination of the search space has been tried"
        return None

    def _count(self, outcome: Outcome) -> None:
        self.trials += 1
        if outcome.error is None:
            self.failures.clear()
        else:
            self.failures.append(outcome.error)
        self.objective.around.parent.trial_ended(outcome.error)
        self.objective.around.notifier.look()

    def _look_for_best(self) -> None:
        around = self.objective.around
        best = around.own.best(around.study)
        if best is not None:
            around.progress.best(best.value, best.number)


def _kind(error: str) -> str:
    """An error without its numbers, which differ from trial to trial: steps, sizes, addresses."""
    return re.sub(r"0x[0-9a-f]+|\d+", "#", error)
