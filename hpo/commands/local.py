"""`hpo up` and `hpo down`: a database and a dashboard on one machine, without Docker."""

from pathlib import Path

import click

from hpo.commands.options import plain_errors
from hpo.commands.places_to_write import FolderToWrite


def _at_home(_: click.Context, option: click.Parameter, folder: Path) -> Path:
    try:
        return folder.expanduser()
    except RuntimeError as error:  # no HOME, and no name to look it up by
        raise click.BadParameter(f"{folder}: {error}", param=option) from error


folder_option = click.option(
    "--folder",
    type=FolderToWrite(),
    callback=_at_home,
    default=Path("~/.hpo"),
    show_default=True,
    envvar="HPO_FOLDER",
    help="Where the database keeps its files. Also read from HPO_FOLDER.",
)


@click.command(
    short_help="Start a PostgreSQL and the dashboard here.",
    epilog="Example: hpo up; export HPO_STORAGE=...; hpo worker --study kobart",
)
@folder_option
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(1, 65535),
    help="The dashboard's port on 127.0.0.1.",
)
@plain_errors
def up(folder: Path, port: int) -> None:
    """Start a PostgreSQL and the dashboard on this machine, and print the storage URL.

    They run until `hpo down`. Every process of this machine can use the URL.
    """
    from hpo.local_service import up as start

    service = start(folder, port=port)
    click.echo(f"dashboard: {service.dashboard}")
    click.echo("use it with:")
    click.echo(f"  export HPO_STORAGE='{service.url.sqlalchemy}'")


@click.command(epilog="Example: hpo down")
@folder_option
@plain_errors
def down(folder: Path) -> None:
    """Stop what `hpo up` started. Studies stay and are there after the next `hpo up`."""
    from hpo.local_service import down as stop

    stopped = stop(folder)
    click.echo("stopped" if stopped else "nothing was running")
