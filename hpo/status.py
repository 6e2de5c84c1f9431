"""The state of a study, gathered once and shown as a table, as JSON, or again and again."""

from dataclasses import asdict, dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from config.samplers import Queued
from hpo import study as studies
from hpo.budget import budget
from hpo.extension import study_budget
from hpo.pinned import Pinned
from hpo.stale import Stale, find_stale
from hpo.time_left import time_left
from hpo.told_trials import ToldTrial, better_told
from hpo.trial_record import ERROR, Best, is_infeasible
from storage.budget import Extension
from storage.connect import Database
from storage.lease_rows import LeaseRow
from storage.leases import Leases
from storage.retries import RETRY_OF
from storage.workers import WorkerRow, Workers

WITHOUT_REASON = "no reason was kept"


@dataclass(frozen=True)
class WorkerStatus:
    """One worker; `trial` is None between trials, `epoch` and `value` of its last report."""

    worker: str
    host: str
    pid: int
    device: str
    doing: str
    trial: int | None
    epoch: float | None
    value: float | None
    seen_s: float
    lost: bool

    def as_json(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {
            "worker": self.worker,
            "host": self.host,
            "pid": self.pid,
            "device": self.device,
            "doing": self.doing,
            "trial": self.trial,
            "epoch": self.epoch,
            "value": self.value,
            "seen_s": round(self.seen_s, 1),
            "lost": self.lost,
        }


@dataclass(frozen=True)
class Failure:
    """A failed trial, and the numbers of the trials that try its parameters again."""

    number: int
    reason: str
    retries: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The stable JSON form."""
        return {"trial": self.number, "reason": self.reason, "retries": list(self.retries)}

    def __str__(self) -> str:
        again = f" (tried again: trial {', '.join(map(str, self.retries))})" * bool(self.retries)
        return f"trial {self.number}: {self.reason}{again}"


@dataclass(frozen=True)
class Status:
    """A study's counts, workers and best; `time_left_s` is None until a trial was trained.

    `stopped` says why no new trial begins though the budget is not spent; None where one may.
    `left` are the trials that will still begin: what is left of the budget, of a study that draws
    nothing no more than are queued, and 0 once it has stopped.
    `timed_out`: that is the study's timeout, which no extension moves.
    `failures` are the failed trials. `told` is how many of the complete ones another program told,
    `brought` how many another study trained, `better_told` the best of these where it is better
    than `best`. `copied` have ended in the study that this one is a copy of. `trained` are those
    of its own that say how long one takes, `trained_pruned` the pruned ones among them.
    """

    study: str
    budget: int
    taken: int
    complete: int
    pruned: int
    infeasible: int
    running: int
    failed: int
    waiting: int
    best: Best | None
    workers: tuple[WorkerStatus, ...]
    time_left_s: float | None
    left: int
    stopped: str | None = None
    timed_out: bool = False
    extensions: tuple[Extension, ...] = ()
    failures: tuple[Failure, ...] = ()
    stale: tuple[Stale, ...] = ()
    trained: int = 0
    trained_pruned: int = 0
    told: int = 0
    brought: int = 0
    copied: int = 0
    better_told: ToldTrial | None = None

    @property
    def ours_running(self) -> int:
        """Running trials that count to the budget: not those of other programs."""
        return self.running - sum(trial.foreign for trial in self.stale)

    def as_json(self) -> dict[str, Any]:
        """The stable JSON form of `hpo status --json`."""
        best = self.best
        return {
            "study": self.study,
            "budget": self.budget,
            "taken": self.taken,
            "trials": {
                "complete": self.complete,
                "pruned": self.pruned,
                "infeasible": self.infeasible,
                "running": self.running,
                "failed": self.failed,
                "waiting": self.waiting,
            },
            "told": self.told,
            "brought": self.brought,
            "copied": self.copied,
            "better_told": self.better_told and self.better_told.as_json(),
            "best": best
            and {"number": best.number, "value": best.value, "params": dict(best.params)},
            "workers": [worker.as_json() for worker in self.workers],
            "time_left_s": self.time_left_s,
            "stopped": self.stopped,
            "extensions": [asdict(extension) for extension in self.extensions],
            "failures": [failure.as_json() for failure in self.failures],
            "stale": [trial.as_json() for trial in self.stale],
        }


def study_names(database: Database) -> list[str]:
    """The names of all studies in the database, sorted."""
    return database.study_names()


def collect(database: Database, name: str) -> Status:
    """Gather the state of one study."""
    pinned = studies.read(database, name)
    study = optuna.load_study(study_name=name, storage=database.storage)
    study_id = database.storage.get_study_id_from_name(name)
    trials = study.get_trials(deepcopy=False)
    leases = Leases(database, study_id)
    held = leases.rows(done=False)
    per_epoch = pinned.config.training.evaluations_per_epoch
    workers = _workers(Workers(database, study_id), trials, held, per_epoch=per_epoch)
    counts = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    infeasible = sum(t.state is TrialState.PRUNED and is_infeasible(t) for t in trials)
    allowed = budget(pinned.config, retries=sum(RETRY_OF in trial.user_attrs for trial in trials))
    taken = leases.taken()
    stopped, timed_out = _stopped(database, name, pinned, left=allowed - taken)
    stale = find_stale(database, study_id, max_attempts=pinned.config.optuna.max_attempts)
    best, ended = pinned.own.best(study), list(filter(pinned.own.ended, trials))
    trained = [trial for trial in ended if not is_infeasible(trial)]
    others = list(filter(pinned.own.is_foreign, trials))
    brought = sum(map(pinned.own.is_brought, others))
    left = 0 if stopped else max(allowed - taken, 0)
    if isinstance(pinned.config.optuna.sampler, Queued):
        left = min(left, counts[TrialState.WAITING])
    foreign = {trial.number for trial in stale if trial.foreign}
    running = [t for t in trials if t.state is TrialState.RUNNING and t.number not in foreign]
    alive = sum(not worker.lost for worker in workers)
    return Status(
        study=name,
        budget=allowed,
        taken=taken,
        complete=counts[TrialState.COMPLETE],
        pruned=counts[TrialState.PRUNED] - infeasible,
        infeasible=infeasible,
        running=counts[TrialState.RUNNING],
        failed=counts[TrialState.FAIL],
        waiting=counts[TrialState.WAITING],
        best=best,
        workers=workers,
        time_left_s=time_left(pinned.config, trained, running, left=left, workers=alive),
        left=left,
        stopped=stopped,
        timed_out=timed_out,
        extensions=pinned.extensions,
        failures=_failures(trials),
        stale=stale,
        trained=len(trained),
        trained_pruned=sum(trial.state is TrialState.PRUNED for trial in trained),
        told=len(others) - brought,
        brought=brought,
        copied=_copied(trials, ended, leases, taken=taken, held=held),
        better_told=better_told(trials, best, study=name, pinned=pinned),
    )


def _copied(
    trials: list[FrozenTrial],
    ended: list[FrozenTrial],
    leases: Leases,
    *,
    taken: int,
    held: list[LeaseRow],
) -> int:
    """Count the ended trials that this study took from no budget: a copy has no leases."""
    begun = sum(trial.state is not TrialState.WAITING for trial in trials)
    if begun <= taken - sum(row.state in {None, TrialState.WAITING} for row in held):
        return 0  # each has its lease, as in nearly every study
    ours = leases.leased()
    return sum(trial._trial_id not in ours for trial in ended)  # noqa: SLF001 - Optuna has no public way to it


def _failures(trials: list[FrozenTrial]) -> tuple[Failure, ...]:
    retries: dict[str, list[int]] = {}
    for trial in trials:
        if RETRY_OF in trial.user_attrs:
            retries.setdefault(str(trial.user_attrs[RETRY_OF]), []).append(trial.number)
    return tuple(
        Failure(
            trial.number,
            str(trial.user_attrs.get(ERROR, WITHOUT_REASON)),
            tuple(retries.get(str(trial.number), ())),
        )
        for trial in trials
        if trial.state is TrialState.FAIL
    )


def _stopped(
    database: Database, name: str, pinned: Pinned, *, left: int
) -> tuple[str | None, bool]:
    """Why no new trial begins though trials are left, and whether it is for the time.

    The time may be over before a worker has noticed, or while none is there.
    """
    limits = study_budget(database, name, pinned)
    over = limits.time_over(pinned.config.optuna.timeout) if left > 0 else None
    closed = limits.closed()
    return (over if closed is None else closed.reason), over is not None


def _workers(
    registered: Workers, trials: list[FrozenTrial], held: list[LeaseRow], *, per_epoch: int
) -> tuple[WorkerStatus, ...]:
    by_id = {t._trial_id: t for t in trials}  # noqa: SLF001 - Optuna has no public way to it
    by_worker = {row.worker: by_id[row.trial_id] for row in held if row.trial_id in by_id}
    return tuple(
        _worker(row, by_worker.get(row.worker), per_epoch=per_epoch)
        for row in registered.rows()
        if row.state != "left"
    )


def _worker(row: WorkerRow, trial: FrozenTrial | None, *, per_epoch: int) -> WorkerStatus:
    step = trial.last_step if trial is not None else None
    return WorkerStatus(
        worker=row.worker,
        host=row.host,
        pid=row.pid,
        device=row.device,
        doing=row.doing,
        trial=trial.number if trial is not None else None,
        epoch=step and step / per_epoch,
        value=trial.intermediate_values[step] if trial is not None and step is not None else None,
        seen_s=row.beat_s_ago,
        lost=row.state == "lost",
    )
