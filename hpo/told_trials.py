"""Completed trials of others, told or brought here: the sampler learns from them, no one wins.

Why, and what becomes of them instead: docs/decisions/0040.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial

from config.space import SearchSpace
from hpo import study as studies
from hpo.errors import BadEnqueued
from hpo.own_trials import OwnTrials
from hpo.pinned import Pinned
from hpo.suggest import check_queued
from hpo.trial_record import Best
from storage.connect import Database
from storage.retries import RETRY_OF


@dataclass(frozen=True)
class ToldTrial:
    """The best trial that is not the study's own; `trainable`: its parameters can be queued.

    Another program told it, unless it is `brought`: then hpo trained it, in another study.
    `retries` are the numbers of the trials in which hpo trains its parameters.
    """

    study: str
    number: int
    value: float
    trainable: bool
    retries: tuple[int, ...] = ()
    brought: bool = False

    def as_json(self) -> dict[str, object]:
        """The stable JSON form."""
        return {"trial": self.number, "value": self.value, "retries": list(self.retries)}

    def __str__(self) -> str:
        came = "trained in another study" if self.brought else "told by another program"
        who = f"trial {self.number} ({self.value:.4f}) was {came} and can't win:"
        if self.retries:
            return f"{who} its parameters are trained in trial {', '.join(map(str, self.retries))}"
        if not self.trainable:
            return f"{who} its parameters can't be trained in this study"
        retry = f"hpo retry --study {shlex.quote(self.study)} --trial {self.number}"
        return f"{who} {retry} has its parameters trained"


def better_told(
    trials: Sequence[FrozenTrial], best: Best | None, *, study: str, pinned: Pinned
) -> ToldTrial | None:
    """The best of others' trials where it is better than the winner, else None."""
    told = _better(trials, best, pinned.own)
    if told is None:
        return None
    retries = (t.number for t in trials if str(t.user_attrs.get(RETRY_OF)) == str(told.number))
    value = float(told.values[0])
    fits = _fits(told, pinned.config.optuna.search_space)
    brought = pinned.own.is_brought(told)
    return ToldTrial(study, told.number, value, fits, tuple(retries), brought)


def look_for_better_told(database: Database, name: str, best: Best | None) -> ToldTrial | None:
    """The same of a study in the database, whose configuration is read only where there is one."""
    study = optuna.load_study(study_name=name, storage=database.storage)
    trials = study.get_trials(deepcopy=False)
    if _better(trials, best, studies.own_trials(database, name)) is None:
        return None
    return better_told(trials, best, study=name, pinned=studies.read(database, name))


def _better(trials: Sequence[FrozenTrial], best: Best | None, own: OwnTrials) -> FrozenTrial | None:
    told = own.highest_foreign(trials)
    if told is None or (best is not None and told.values[0] <= best.value):
        return None
    return told


def _fits(trial: FrozenTrial, space: SearchSpace) -> bool:
    try:
        check_queued(trial.params, space, trial.number)
    except BadEnqueued:
        return False
    return bool(trial.params)
