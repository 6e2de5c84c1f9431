"""A study with trials in every state, made as a worker makes them, and what the mirror was told."""

from collections.abc import Sequence
from dataclasses import replace

from optuna.trial import Trial, TrialState
from scripted_fit import evaluation, result
from small_search import LR, Search
from typing_extensions import override

from config.space import apply
from hpo import study as studies
from hpo.mirrored import Mirrored
from hpo.trial_info import Ending, Point, TrialInfo
from hpo.trial_run import TrialRun
from hpo.verdict import Verdict
from hpo.wandb_mirror import Mirror
from storage.lease import Lease
from trainer.errors import OutOfMemory

POINTS = tuple(evaluation(step, value) for step, value in ((1, 0.1), (2, 0.3), (3, 0.2)))
COMPLETE, PRUNED, INFEASIBLE, FAILED, CLOSED, LEFT = range(6)
"""The trials' numbers; CLOSED was ended by another program, LEFT by its worker, half-way."""


class Listener(Mirror):
    """Keeps what a worker tells of each trial, in the form of what is read from the database."""

    def __init__(self) -> None:
        self.trials: dict[int, Mirrored] = {}

    @override
    def start(self, trial: TrialInfo, earlier: Sequence[Point] = ()) -> None:
        self._number = trial.number
        self.trials[trial.number] = Mirrored(trial, tuple(earlier), None)

    @override
    def evaluation(self, point: Point) -> None:
        told = self.trials[self._number]
        self.trials[self._number] = Mirrored(told.info, (*told.curve, point), None)

    @override
    def finish(self, ending: Ending) -> None:
        told = self.trials[self._number]
        self.trials[self._number] = Mirrored(told.info, told.curve, ending)


class Keeper:
    """A lease that is never lost."""

    def check(self) -> None:
        pass

    def confirm(self) -> None:
        pass


def begin(search: Search, listener: Listener) -> tuple[TrialRun, Trial, Lease]:
    """Take a trial as a worker does: its run, the trial, and its lease."""
    lease = search.claim("w1")
    trial = search.trial(lease)
    params = {LR: trial.suggest_float(LR, 1e-5, 1e-3, log=True)}
    key = studies.read(search.database, "s").key
    around = replace(search.around(), mirror=listener, study_key=key)
    run = TrialRun(around, trial, Keeper())  # type: ignore[arg-type]
    run.begin(apply(search.config, params), params, continued=False)
    return run, trial, lease


def fill(search: Search) -> Listener:
    """Run a trial to each end."""
    listener = Listener()
    for end in (_complete, _prune, _give_up, _fail, _close_elsewhere):
        run, trial, lease = begin(search, listener)
        for point in POINTS:
            run.on_evaluation(point)
        end(run, trial)
        search.leases().done(lease)
    run, _, lease = begin(search, listener)
    run.on_evaluation(POINTS[0])
    run.left()
    search.leases().release(lease)
    return listener


def _complete(run: TrialRun, _trial: Trial) -> None:
    run.ended(result(*POINTS))


def _prune(run: TrialRun, _trial: Trial) -> None:
    also = Verdict("hyperband bracket 0 rung 1", 3, 0.2, 0.35)
    run._verdict = Verdict("median", 3, 0.3, 0.4, (also,))
    run.ended(result(*POINTS, ended="stopped"))


def _give_up(run: TrialRun, _trial: Trial) -> None:
    run.infeasible(OutOfMemory("one dialogue does not fit into memory"))


def _fail(run: TrialRun, _trial: Trial) -> None:
    run.failed(RuntimeError("the kernel is broken"))


def _close_elsewhere(run: TrialRun, trial: Trial) -> None:
    trial.study.tell(trial.number, state=TrialState.FAIL)
    run.ended_elsewhere()
