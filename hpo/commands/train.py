"""`hpo train`: one training with no study at all."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.counting import counted
from hpo.commands.options import (
    config_option,
    data_option,
    override_option,
    plain_errors,
    printable,
)
from hpo.commands.places_to_write import FolderToWrite
from hpo.ctrl_c import INTERRUPTED

if TYPE_CHECKING:
    from rich.console import Console

    from config.schema import Configuration
    from hpo.wandb_mode import Wire


@click.command(
    short_help="Train one configuration without a study.",
    epilog="Example: hpo train --config config.yaml --output model",
)
@config_option
@override_option
@data_option
@click.option("--seed", type=click.IntRange(min=0), help="Train with this seed instead.")
@click.option(
    "--output",
    type=FolderToWrite(),
    metavar="DIR",
    help="Where the model and scores.json go; general.output_dir if not given.",
)
@click.option("--overwrite", is_flag=True, help="Replace the model that DIR may hold.")
@click.option(
    "--all-data",
    is_flag=True,
    help="Train on train and dev, up to the epoch at which the exported trial was best.",
)
@click.option(
    "--artifact", is_flag=True, help="Log the model as a W&B artifact; offline without a key."
)
@plain_errors
def train(
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    seed: int | None,
    output: Path | None,
    overwrite: bool,
    all_data: bool,
    artifact: bool,
) -> None:
    """Train one configuration, such as `hpo best --export` wrote, and keep its best model.

    DIR holds the model of the best evaluation and scores.json with every evaluation. On a CPU
    the exported winner reaches its trial's score to the last digit.

    With --all-data there is nothing left to score the model on: it is the last one, and
    scores.json says so.
    """
    from hpo.stop import Stopped
    from hpo.terminal import make_console
    from hpo.training_configuration import load_for_training
    from trainer.scores import SCORES_FILE

    console = make_console()
    config = load_for_training(
        "kobart" if source is None else source, overrides=overrides, data=data, seed=seed
    )
    folder = output if output is not None else Path(config.general.output_dir)
    wire = _artifact_wire(config) if artifact else None
    try:
        if all_data:
            line = _train_on_all(config, folder, overwrite=overwrite, console=console)
        else:
            line = _train(config, folder, overwrite=overwrite, console=console)
    except Stopped:
        kept = f"the best model so far is in {folder}" if (folder / SCORES_FILE).exists() else ""
        click.echo("training stopped as asked" + (kept and f"; {kept}"), err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    click.echo(line)
    click.echo(f"model and scores.json in {folder}")
    if wire is not None:
        _log(config, folder, wire)


def _train(config: "Configuration", folder: Path, *, overwrite: bool, console: "Console") -> str:
    from hpo.loading import loading

    with loading():
        from hpo.training import train_once

    best = train_once(config, folder, overwrite=overwrite, console=console).best
    value = best.scores.value(config.metric.name)
    return f"best: {config.metric.name} {value:.4f} at epoch {best.epoch:g}"


def _train_on_all(
    config: "Configuration", folder: Path, *, overwrite: bool, console: "Console"
) -> str:
    from hpo.loading import loading

    with loading():
        from hpo.final_training import train_on_all

    found = train_on_all(config, folder, overwrite=overwrite, console=console)
    examples, epochs = counted(found.examples, "example"), counted(found.epochs, "epoch")
    return (
        f"trained on train and dev: {examples}, {epochs} of a plan of {found.planned}; no set is"
        " left to score it on"
    )


def _artifact_wire(config: "Configuration") -> "Wire":
    """How the artifact travels; refused before the training where W&B is switched off."""
    import os

    from hpo.errors import WrongInput
    from hpo.wandb_mode import check_environment, resolve_mode

    check_environment(os.environ)
    mode = resolve_mode(config.wandb.mode, os.environ)
    if mode == "disabled":
        raise WrongInput("--artifact needs W&B, but it is disabled; set wandb.mode to offline")
    return mode


def _log(config: "Configuration", folder: Path, wire: "Wire") -> None:
    from hpo.model_artifact import log_model
    from trainer.data import fingerprint, locate_data

    data = fingerprint(locate_data(config.general.data_path))
    logged = log_model(config, folder, data_fingerprint=data, wire=wire)
    click.echo(f"logged to W&B as the model {printable(logged.name)}")
    if logged.file is not None:
        click.echo(f"send it with: wandb sync {printable(shlex.quote(str(logged.file.parent)))}")
