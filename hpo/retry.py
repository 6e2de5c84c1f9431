"""Trying a trial's parameters again: which trials may be, and what is queued."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from config.space import SearchSpace
from hpo import study as studies
from hpo.errors import HpoError
from hpo.own_trials import OwnTrials
from hpo.status import Status, collect
from hpo.suggest import check_queued, fixed_params
from hpo.trial_record import is_infeasible
from storage.connect import Database
from storage.retries import queue_again


class NotRetried(HpoError):
    """A trial that cannot be tried again."""


@dataclass(frozen=True)
class Retried:
    """What was queued: the new trials' numbers by those of the others.

    `budget` says in words whether they will run.
    """

    queued: dict[int, int]
    budget: str


def retry(database: Database, name: str, numbers: Sequence[int], *, again: bool = False) -> Retried:
    """Queue the parameters of failed trials, and of those told or brought here; all or none.

    Raises NotRetried for a trial that is not there or neither of both, BadEnqueued for parameters
    outside the search space, AlreadyQueued for one that is tried again already unless `again`.
    """
    pinned = studies.read(database, name)
    space = pinned.config.optuna.search_space
    study = optuna.load_study(study_name=name, storage=database.storage)
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    params = {number: _parameters(trials, number, space, pinned.own) for number in numbers}
    queued = queue_again(
        database, database.storage.get_study_id_from_name(name), params, again=again
    )
    return Retried(queued, _budget(collect(database, name)))


def _parameters(
    trials: dict[int, FrozenTrial], number: int, space: SearchSpace, own: OwnTrials
) -> dict[str, object]:
    if number not in trials:
        last = f"its last is trial {max(trials)}" if trials else "it has no trials yet"
        raise NotRetried(f"there is no trial {number} in the study; {last}")
    trial = trials[number]
    told = own.is_foreign(trial)
    if trial.state is not TrialState.FAIL and not told:
        raise NotRetried(
            f"trial {number} {_unfit(trial)}; only a failed trial, or one that another program"
            " told or another study trained, is tried again"
        )
    # One that failed of a queued value has drawn nothing, or not all of it.
    params = {**fixed_params(trial.system_attrs), **trial.params}
    if not params:
        had = "was told without" if told else "failed before it had"
        raise NotRetried(f"trial {number} {had} parameters: nothing to try again")
    check_queued(params, space, number)
    return params


def _unfit(trial: FrozenTrial) -> str:
    if trial.state is TrialState.PRUNED and is_infeasible(trial):
        return "is infeasible: its settings cannot be trained"
    return {
        TrialState.RUNNING: "is running (hpo status says if nobody works on it)",
        TrialState.WAITING: "waits in the queue",
        TrialState.COMPLETE: "is complete",
        TrialState.PRUNED: "was pruned",
    }[trial.state]


def _budget(status: Status) -> str:
    study = shlex.quote(status.study)
    needed = status.taken + status.waiting
    extend = f"hpo create --study {study} -o optuna.n_trials={max(needed, status.budget + 1)}"
    if status.timed_out:
        return f"it will not run: {status.stopped}, and no extension moves a timeout"
    if status.stopped is not None:
        return f"the search has stopped ({status.stopped}); open it again: {extend}"
    if needed <= status.budget:
        return f"next: hpo worker --study {study} (workers that run take it by themselves)"
    spent = f"{status.taken} of {status.budget} trials are taken and {status.waiting} wait"
    return f"the budget is spent: {spent}; extend it: {extend}"
