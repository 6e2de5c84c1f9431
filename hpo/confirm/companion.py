"""The companion study: a search's best trials queued again, each under several seeds.

It is an ordinary pinned study whose sampler draws nothing, so that workers, leases, status,
dashboard, mirror and retry know nothing of it. Its budget is exactly what is queued.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, islice

import optuna
from optuna.trial import FrozenTrial

from config.pruners import NoPruner
from config.samplers import Queued
from config.schema import Configuration
from config.space import IntEntry
from hpo import study as studies
from hpo.confirm.names import companion_name
from hpo.errors import HpoError
from hpo.extension import study_budget
from hpo.own_trials import OwnTrials
from hpo.pinned import Pinned, installed, with_n_trials
from hpo.suggest import check_queued
from storage.budget import Extension
from storage.connect import Database
from storage.queueing import ToQueue, queue_missing

SEED = "general.seed"
CONFIRMS = "hpo:confirms"
"""Attribute of the companion: the key of the study it confirms; of a trial: whose run it is."""
LAST_SEED = 999
FEWEST = 2  # candidates; one alone needs no comparison


@dataclass(frozen=True)
class Confirmation:
    """What asking did: `runs` are all in the companion now; `candidates` those asked for.

    `extension` None means that nothing was added to a companion that stood already.
    """

    study: str
    new: bool
    candidates: tuple[int, ...]
    seeds: int
    runs: int
    extension: Extension | None = None


def confirm(
    database: Database, name: str, *, top: int, seeds: int, numbers: Sequence[int] = ()
) -> Confirmation:
    """Queue the best `top` trials, or those numbered, under `seeds` seeds each.

    What is queued already stays as it is: asking again adds what is missing, and raises the
    budget by it. Raises HpoError where there is nothing to compare, and what `hpo create` raises
    where the study of the companion's name is another one.
    """
    pinned = studies.read(database, name)
    if isinstance(pinned.config.optuna.sampler, Queued):
        raise HpoError(f"study {name!r} holds queued runs only: confirm the study that it repeats")
    own = pinned.own
    chosen = _numbered(database, name, own, numbers) if numbers else _best(database, name, own, top)
    space = companion_configuration(pinned, n_trials=1).optuna.search_space
    runs = [
        ToQueue({**trial.params, SEED: seed}, {CONFIRMS: trial.number})
        for seed in seeds_for(pinned, seeds)
        for trial in chosen
    ]
    for trial, run in zip(chosen, runs, strict=False):
        check_queued(run.params, space, trial.number)
    companion = companion_name(name)
    new = _create(database, companion, pinned, n_trials=len(runs))
    study_id = database.storage.get_study_id_from_name(companion)
    queued = queue_missing(database, study_id, runs)
    # The budget after the queue: a worker never finds a place that nothing waits for.
    budget = study_budget(database, companion, studies.read(database, companion))
    extension = budget.extend(queued, versions=installed())
    return Confirmation(
        companion, new, tuple(t.number for t in chosen), seeds, queued, None if new else extension
    )


def companion_configuration(pinned: Pinned, *, n_trials: int) -> Configuration:
    """The study's configuration, for repeats of its trials: nothing is drawn and nothing pruned."""
    options = pinned.config.optuna.model_copy(
        update={
            "n_trials": n_trials,
            "sampler": Queued(),
            "pruner": NoPruner(),
            "timeout": None,
            "stop": None,
            "search_space": {
                **pinned.config.optuna.search_space,
                SEED: IntEntry(type="int", low=0, high=LAST_SEED),
            },
        }
    )
    return pinned.config.model_copy(update={"optuna": options})


def seeds_for(pinned: Pinned, number: int) -> list[int]:
    """The first seeds from 0 on without the search's own, whose scores chose the candidates."""
    return list(islice((s for s in count() if s != pinned.config.general.seed), number))


def find_companion(database: Database, name: str, pinned: Pinned) -> str | None:
    """The name of the study's companion; None where it has none of its own."""
    companion = companion_name(name)
    if not studies.exists(database, companion):
        return None
    study_id = database.storage.get_study_id_from_name(companion)
    mark = database.storage.get_study_user_attrs(study_id).get(CONFIRMS)
    return companion if mark == pinned.key else None


def without_seed(params: Mapping[str, object]) -> str:
    """What the runs of one candidate have in common, as text to compare."""
    return json.dumps({k: v for k, v in params.items() if k != SEED}, sort_keys=True)


def _create(database: Database, companion: str, pinned: Pinned, *, n_trials: int) -> bool:
    config = companion_configuration(pinned, n_trials=n_trials)
    there = studies.exists(database, companion)
    if there:
        present = studies.read(database, companion).config.optuna.n_trials
        config = with_n_trials(config, present)
    new = studies.create(database, companion, config, data_fingerprint=pinned.data)
    study_id = database.storage.get_study_id_from_name(companion)
    mark = database.storage.get_study_user_attrs(study_id).get(CONFIRMS)
    if mark not in {None, pinned.key}:
        raise HpoError(
            f"study {companion!r} confirms another study of this name, which was deleted;"
            f" remove it first: hpo delete --study {shlex.quote(companion)}"
        )
    if mark is None:
        database.storage.set_study_user_attr(study_id, CONFIRMS, pinned.key)
    return new


def _trials(database: Database, name: str) -> list[FrozenTrial]:
    study = optuna.load_study(study_name=name, storage=database.storage)
    return study.get_trials(deepcopy=False)


def _best(database: Database, name: str, own: OwnTrials, top: int) -> list[FrozenTrial]:
    """The best trials, of equal parameters the better one."""
    distinct: dict[str, FrozenTrial] = {}
    for trial in own.ranked(_trials(database, name)):
        distinct.setdefault(without_seed(trial.params), trial)
    chosen = list(distinct.values())[:top]
    if len(chosen) < FEWEST:
        one = "one completed trial of its own parameters"
        has = one if chosen else "no completed trial that hpo trained"
        raise HpoError(
            f"study {name!r} has {has}, and to confirm takes {FEWEST} to compare;"
            f" see: hpo status --study {shlex.quote(name)}"
        )
    return chosen


def _numbered(
    database: Database, name: str, own: OwnTrials, numbers: Sequence[int]
) -> list[FrozenTrial]:
    completed = {trial.number: trial for trial in _trials(database, name) if own.can_win(trial)}
    for number in numbers:
        if number not in completed:
            raise HpoError(
                f"study {name!r} has no completed trial {number} that hpo trained;"
                " only those can be confirmed"
            )
    return [completed[number] for number in dict.fromkeys(numbers)]
