"""Extending a study: n_trials is the one pinned value that may change, and it only rises."""

from config.schema import Configuration
from hpo import study as studies
from hpo.pinned import Pinned, check_same, installed, with_n_trials
from storage.budget import Extension, StudyBudget
from storage.connect import Database


def extend(
    database: Database, name: str, config: Configuration, *, data_fingerprint: str | None
) -> Extension | None:
    """Raise the study's n_trials to the configuration's; None where that is no higher.

    `data_fingerprint` None leaves the data unchecked. Raises StudyDiffers or WorkerRefused when
    anything else is not as pinned.
    """
    pinned = studies.read(database, name)
    wanted, present = config.optuna.n_trials, pinned.config.optuna.n_trials
    if wanted <= present:
        return None
    same = with_n_trials(config, present)
    check_same(pinned, same, data_fingerprint, name=name)
    return study_budget(database, name, pinned).extend(wanted, versions=installed())


def study_budget(database: Database, name: str, pinned: Pinned) -> StudyBudget:
    """The study's budget in the database."""
    study_id = database.storage.get_study_id_from_name(name)
    return StudyBudget(database, study_id, pinned=pinned.n_trials)
