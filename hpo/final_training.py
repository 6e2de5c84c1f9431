"""The final training of an exported configuration, on train and dev: `hpo train --all-data`."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from config.counting import counted
from config.schema import Configuration
from hpo.errors import HpoError, WrongInput
from hpo.progress import Progress
from hpo.stop import Stopped, stop_requests
from hpo.training import compare_with_trial, forget, make_room, publish, session_of
from trainer.evaluation import Step
from trainer.final_fit import FinalFit, fit_on_all
from trainer.progress import Progress as Passed
from trainer.scores import write_final_scores

FROM_THE_SEARCH = ("study", "trial", "metric", "value", "epoch", "data_fingerprint")


def train_on_all(
    config: Configuration, folder: Path, *, overwrite: bool, console: Console
) -> FinalFit:
    """Train on train and dev, and leave the model and scores.json in `folder`.

    It ends where the exported trial was best, or with the plan where the configuration comes from
    no trial. Raises HpoError when the folder holds a model already, unless `overwrite`, and
    Stopped when asked to stop: then nothing is kept.
    """
    epochs = best_epoch(config)
    make_room(folder, overwrite=overwrite)
    session = session_of(config, folder)
    planned = config.training.num_train_epochs
    with stop_requests() as stop, Progress(console, metric=config.metric.name) as progress:
        compare_with_trial(config, session.data_fingerprint, progress)
        if epochs is None:
            progress.say(
                "the configuration names no trial to take the best epoch from:"
                f" training all that are planned, {counted(planned, 'epoch')}",
                style="yellow",
            )

        def on_step(step: Step) -> None:
            if stop.is_set():
                raise Stopped
            progress.stepped(step.step, step.total_steps, step.loss)

        def on_progress(passed: Passed) -> None:
            progress.say(f"  epoch {passed.epoch:g}/{planned}  loss {passed.train_loss:.3f}")

        result = fit_on_all(
            config,
            epochs=epochs,
            session=session,
            output_dir=folder,
            on_step=on_step,
            on_progress=on_progress,
        )
    _publish(config, result, folder)
    return result


def best_epoch(config: Configuration) -> float | None:
    """The epoch at which the exported trial was best; None where no trial is named.

    Raises WrongInput where something else stands in its place.
    """
    epoch = (config.provenance or {}).get("epoch")
    if epoch is None:
        return None
    if isinstance(epoch, bool) or not isinstance(epoch, int | float) or epoch <= 0:
        raise WrongInput(f"provenance.epoch is {epoch!r}, no number of epochs; export it again")
    return float(epoch)


def _publish(config: Configuration, result: FinalFit, folder: Path) -> None:
    provenance: Mapping[str, object] = config.provenance or {}
    found = {
        "examples": result.examples,
        "epochs": result.epochs,
        "planned_epochs": result.planned,
        "train_losses": list(result.train_losses),
        "seconds": round(result.seconds, 3),
    }
    search = {name: provenance[name] for name in FROM_THE_SEARCH if name in provenance}
    try:
        forget(folder, result.model)
        publish(result.model, folder)
        write_final_scores(folder, config.metric.name, found=found, search=search)
    except OSError as error:
        raise HpoError(
            f"the model could not be written to {folder}: {error.strerror}; free space, train again"
        ) from error
