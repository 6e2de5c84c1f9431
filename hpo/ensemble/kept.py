"""The models that a study's trials have kept on this machine, and those that are not here."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna

from hpo.export import export_yaml
from hpo.pinned import Pinned
from hpo.trial_folder import trial_folder
from hpo.trial_record import Best, as_best
from hpo.whole_file import write_whole
from storage.connect import Database
from trainer.errors import TrainerError
from trainer.scores import best_model


@dataclass(frozen=True)
class KeptTrial:
    """A completed trial; `model` is its best model's folder, None: it is not on this machine."""

    trial: Best
    folder: Path
    model: Path | None


def kept_trials(
    database: Database, name: str, pinned: Pinned, *, output: Path, most: int
) -> list[KeptTrial]:
    """The best completed trials, at most `most`, the best first, with where their models lie.

    Looked for where this machine's workers write, whatever folder the database names.
    """
    study = optuna.load_study(study_name=name, storage=database.storage)
    found = []
    for trial in map(as_best, pinned.own.ranked(study.get_trials(deepcopy=False))[:most]):
        folder = trial_folder(output / pinned.folder, trial.number)
        found.append(KeptTrial(trial, folder, _model_in(folder)))
    return found


def write_exports(
    name: str, pinned: Pinned, trials: Sequence[KeptTrial], folder: Path
) -> dict[int, Path]:
    """Write each trial's configuration for `hpo train`; the files by the trials' numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for each in trials:
        path = folder / f"{each.folder.name}.yaml"
        write_whole(path, export_yaml(name, pinned, each.trial))
        files[each.trial.number] = path
    return files


def _model_in(folder: Path) -> Path | None:
    try:
        return best_model(folder)
    except TrainerError:
        return None
