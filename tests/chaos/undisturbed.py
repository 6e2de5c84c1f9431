"""What the completed trials score when nothing disturbs them: the same settings, trained alone."""

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial, TrialState

from config.schema import Configuration
from config.space import apply
from hpo import study as studies
from hpo.trial_record import curve
from storage.connect import Database
from trainer.data import locate_data
from trainer.fit import fit
from trainer.session import TrainingSession


def trials_of(database: Database, study: str) -> list[FrozenTrial]:
    """Every trial of the study, with its curve."""
    known = optuna.load_study(study_name=study, storage=database.storage).get_trials()
    return [database.storage.get_trial(trial._trial_id) for trial in known]


def differing(
    database: Database, study: str, trials: Sequence[FrozenTrial], folder: Path
) -> list[str]:
    """Train each completed trial again; a line for each value or curve that is not the same."""
    pinned = studies.read(database, study).config
    general = pinned.general.model_copy(update={"cpu_threads": 1})
    config = pinned.model_copy(update={"general": general})
    session = TrainingSession(locate_data(config.general.data_path), folder / "cache")
    found = []
    for trial in trials:
        if trial.state is TrialState.COMPLETE:
            alone = _alone(config, trial, session, folder / "again")
            found += _differs(trial, alone, config.metric.name)
    return found


def _alone(
    config: Configuration, trial: FrozenTrial, session: TrainingSession, folder: Path
) -> list[dict[str, float]]:
    settings = apply(config, trial.params)
    result = fit(settings, lambda _: True, session=session, output_dir=folder)
    return [evaluation.as_mapping() for evaluation in result.evaluations]


def _differs(trial: FrozenTrial, alone: list[dict[str, float]], metric: str) -> list[str]:
    """Compare the value, the reported values, and the whole curve with its losses."""
    values = {int(point["step"]): point[metric] for point in alone}
    found = {
        "value": (trial.value, max(values.values())),
        "reports": (trial.intermediate_values, values),
        "curve": (_timeless(curve(trial)), _timeless(alone)),
    }
    return [
        f"trial {trial.number}: {what} {disturbed}, undisturbed {undisturbed}"
        for what, (disturbed, undisturbed) in found.items()
        if disturbed != undisturbed
    ]


def _timeless(points: Sequence[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in point.items() if key != "seconds"} for point in points]
