"""`hpo train`: one training with no study at all."""

from pathlib import Path

import click

from hpo.command_group import INTERRUPTED
from hpo.commands.options import config_option, data_option, override_option, plain_errors


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
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the model and scores.json go; general.output_dir if not given.",
)
@click.option("--overwrite", is_flag=True, help="Replace the model that DIR may hold.")
@plain_errors
def train(
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    seed: int | None,
    output: Path | None,
    overwrite: bool,
) -> None:
    """Train one configuration, such as `hpo best --export` wrote, and keep its best model.

    DIR holds the model of the best evaluation and scores.json with every evaluation. On a CPU
    the exported winner reaches its trial's score to the last digit.
    """
    from hpo.stop import Stopped
    from hpo.terminal import make_console
    from hpo.training import load_for_training, train_once
    from trainer.scores import SCORES_FILE

    console = make_console()
    config = load_for_training(
        "kobart" if source is None else source, overrides=overrides, data=data, seed=seed
    )
    folder = output if output is not None else Path(config.general.output_dir)
    try:
        result = train_once(config, folder, overwrite=overwrite, console=console)
    except Stopped:
        kept = f"the best model so far is in {folder}" if (folder / SCORES_FILE).exists() else ""
        click.echo("training stopped as asked" + (kept and f"; {kept}"), err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    value = result.best.scores.value(config.metric.name)
    click.echo(f"best: {config.metric.name} {value:.4f} at epoch {result.best.epoch:g}")
    click.echo(f"model and scores.json in {folder}")
