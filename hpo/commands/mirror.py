"""`hpo mirror`: write to W&B what it lacks of a study."""

import os
from pathlib import Path

import click

from hpo.commands.options import (
    output_option,
    plain_errors,
    storage_option,
    study_option,
)


@click.command(
    short_help="Write to W&B what it lacks of a study.",
    epilog="Example: hpo mirror --study kobart",
)
@study_option
@click.option(
    "--trial",
    "numbers",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="N",
    help="Only this trial. May be repeated.",
)
@click.option("--project", metavar="NAME", help="W&B project, if not the study's.")
@click.option("--entity", metavar="NAME", help="W&B team or user, if not the study's.")
@output_option("Where wandb keeps its files: FOLDER/wandb.")
@click.option("--running", is_flag=True, help="Also trials that a worker has at this moment.")
@storage_option
@plain_errors
def mirror(
    study: str | None,
    numbers: tuple[int, ...],
    project: str | None,
    entity: str | None,
    output: str | None,
    running: bool,
    storage: str,
) -> None:
    """Write to W&B, from the database, whatever it lacks of a study.

    For what was lost while W&B was away, and for searches that ran without it. It may be called
    any number of times; what is complete is left as it is. Offline (WANDB_MODE=offline, or no
    key) files are written that `wandb sync` sends.
    """
    from hpo.mirroring import Destination, mirror_study
    from hpo.opening import choose_study, open_database
    from hpo.wandb_mode import check_environment

    check_environment(os.environ)
    where = Destination(project=project, entity=entity, output=output, here=Path.cwd())
    with open_database(storage) as database:
        name = choose_study(database, study)
        told = mirror_study(
            database,
            name,
            where,
            environ=os.environ,
            numbers=frozenset(numbers) or None,
            running=running,
        )
    if told.failed:
        raise click.ClickException(str(told))
    click.echo(str(told))
