"""One training without a study: what `hpo train` does."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from config.schema import Configuration
from hpo.errors import HpoError
from hpo.progress import Progress
from hpo.stop import Stopped, stop_requests
from trainer.checkpoint import SETTINGS_FILE, check_name
from trainer.data import locate_data
from trainer.device import pick_device, pick_precision
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.fit import fit
from trainer.scores import SCORES_FILE
from trainer.session import TrainingSession


def train_once(
    config: Configuration, folder: Path, *, overwrite: bool, console: Console
) -> FitResult:
    """Train and leave the best model and scores.json in `folder`.

    Raises HpoError when the folder holds a model already, unless `overwrite`, and Stopped when
    asked to stop; then the best model so far is in a folder of its own that scores.json names.
    """
    make_room(folder, overwrite=overwrite)
    session = session_of(config, folder)
    metric, epochs = config.metric.name, config.training.num_train_epochs
    with stop_requests() as stop, Progress(console, metric=metric) as progress:
        compare_with_trial(config, session.data_fingerprint, progress)

        def on_step(step: Step) -> None:
            if stop.is_set():
                raise Stopped
            progress.stepped(step.step, step.total_steps, step.loss)

        def on_evaluation(evaluation: Evaluation) -> bool:
            value = evaluation.scores.value(metric)
            progress.evaluated(evaluation.epoch, epochs, value, evaluation.train_loss)
            if evaluation.step == 1 and evaluation.checkpoint is not None:
                forget(folder, evaluation.checkpoint)
            if evaluation.is_best:
                progress.best(value, None)
            return True

        result = fit(config, on_evaluation, session=session, output_dir=folder, on_step=on_step)
    if result.checkpoint is None:
        raise HpoError(f"the best model could not be written to {folder}; free space, train again")
    publish(result.checkpoint, folder)
    return result


def session_of(config: Configuration, folder: Path) -> TrainingSession:
    """What a training into `folder` stands on; raises where the data or the folder won't do."""
    files = locate_data(config.general.data_path)
    check_name(folder)
    _check_writable(folder)
    return TrainingSession(files, Path(config.general.output_dir) / "cache")


def forget(folder: Path, checkpoint: Path) -> None:
    """Remove the replaced model: scores.json tells of the new training from now on."""
    for file in checkpoint.iterdir():
        if file.name != SCORES_FILE:
            (folder / file.name).unlink(missing_ok=True)


def publish(checkpoint: Path, folder: Path) -> None:
    """Make the best model's files the folder's own; its scores.json, as of then, is not needed."""
    for file in checkpoint.iterdir():
        if file.name == SCORES_FILE:
            file.unlink()
        else:
            file.replace(folder / file.name)
    checkpoint.rmdir()


def make_room(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds a model already (HpoError), unless `overwrite`."""
    if not overwrite and (folder / SETTINGS_FILE).exists():
        raise HpoError(f"{folder} holds a model already; choose another --output, or --overwrite")


def _check_writable(folder: Path) -> None:
    """Try the folder, or the one it will be made in: no training may be lost at its first model."""
    try:
        standing = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
        with tempfile.TemporaryFile(dir=standing):
            pass
        folder.exists()  # a name too long is an error here already
    except OSError as error:
        raise HpoError(
            f"nothing can be written in {folder}: {error.strerror}; choose another --output"
        ) from error


def compare_with_trial(config: Configuration, found: str, progress: Progress) -> None:
    """Warn where an exported configuration is not trained as its score came about.

    found: the fingerprint of the data. The precision may differ here, too, and the trial may have
    been begun on another machine than it ended on.
    """
    provenance = config.provenance or {}
    expected = provenance.get("data_fingerprint")
    if expected is not None and expected != found:
        progress.say(
            f"the data here ({found[:12]}) is not what the trial was trained on"
            f" ({str(expected)[:12]}): expect another score",
            style="yellow",
        )
    machine = provenance.get("machine")
    machine = machine if isinstance(machine, Mapping) else {}
    if begun := machine.get("begun_on"):
        named = " and ".join(map(str, begun)) if isinstance(begun, list) else begun
        progress.say(
            f"the trial was begun on {named} and went on elsewhere: expect a slightly other score",
            style="yellow",
        )
    before = machine.get("precision")
    here = pick_precision(config.training.precision, pick_device())
    if before is not None and before != here.name:
        progress.say(
            f"the trial was trained in {before}, here it is {here.name} ({here.reason}):"
            " expect another score",
            style="yellow",
        )
