"""Completed trials that another program told: the sampler learns from them, and they never win.

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
from hpo.suggest import check_queued
from hpo.trial_record import Best, highest_told
from storage.connect import Database
from storage.retries import RETRY_OF


@dataclass(frozen=True)
class ToldTrial:
    """The best trial that another program told; `trainable`: its parameters can be queued.

    `retries` are the numbers of the trials in which hpo trains its parameters.
    """

    study: str
    number: int
    value: float
    trainable: bool
    retries: tuple[int, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The stable JSON form."""
        return {"trial": self.number, "value": self.value, "retries": list(self.retries)}

    def __str__(self) -> str:
        who = f"trial {self.number} ({self.value:.4f}) was told by another program and can't win:"
        if self.retries:
            return f"{who} its parameters are trained in trial {', '.join(map(str, self.retries))}"
        if not self.trainable:
            return f"{who} its parameters can't be trained in this study"
        retry = f"hpo retry --study {shlex.quote(self.study)} --trial {self.number}"
        return f"{who} {retry} has its parameters trained"


def better_told(
    trials: Sequence[FrozenTrial], best: Best | None, *, study: str, space: SearchSpace
) -> ToldTrial | None:
    """The best of those that another program told where it is better than the winner, else None."""
    told = _better(trials, best)
    if told is None:
        return None
    retries = (t.number for t in trials if str(t.user_attrs.get(RETRY_OF)) == str(told.number))
    value = float(told.values[0])
    return ToldTrial(study, told.number, value, _fits(told, space), tuple(retries))


def look_for_better_told(database: Database, name: str, best: Best | None) -> ToldTrial | None:
    """The same of a study in the database, whose configuration is read only where there is one."""
    study = optuna.load_study(study_name=name, storage=database.storage)
    trials = study.get_trials(deepcopy=False)
    if _better(trials, best) is None:
        return None
    space = studies.read(database, name).config.optuna.search_space
    return better_told(trials, best, study=name, space=space)


def _better(trials: Sequence[FrozenTrial], best: Best | None) -> FrozenTrial | None:
    told = highest_told(trials)
    if told is None or (best is not None and told.values[0] <= best.value):
        return None
    return told


def _fits(trial: FrozenTrial, space: SearchSpace) -> bool:
    try:
        check_queued(trial.params, space, trial.number)
    except BadEnqueued:
        return False
    return bool(trial.params)
