"""`hpo studies`: list what the database holds."""

import contextlib
from typing import TYPE_CHECKING

import click

from hpo.commands.options import plain_errors, storage_option

if TYPE_CHECKING:
    from storage.connect import Database


@click.command(
    short_help="List the studies in the database.",
    epilog="Example: hpo studies --storage postgresql://hpo@db/hpo",
)
@storage_option
@plain_errors
def studies(storage: str) -> None:
    """List the studies in the database with their trials and best values."""
    from rich.table import Table
    from rich.text import Text

    from hpo.errors import NoSuchStudy
    from hpo.opening import open_database
    from hpo.status import study_names
    from hpo.terminal import listing_console

    with open_database(storage) as database:
        names = study_names(database)
        if not names:
            click.echo("no studies yet; make one with: hpo create --study NAME --config kobart")
            return
        table = Table("study", "trials", "running", "best", box=None, pad_edge=False)
        for name in names:
            with contextlib.suppress(NoSuchStudy):  # deleted since
                table.add_row(Text(name), *_cells(database, name))
    listing_console().print(table)


def _cells(database: "Database", name: str) -> tuple[str, str, str]:
    """Trials, running ones and the best, or why a study is not hpo's: others share a database."""
    from hpo.errors import NotPinned, WorkerRefused
    from hpo.status import collect

    try:
        found = collect(database, name)
    except NotPinned:
        return "-", "-", "not made by hpo"
    except WorkerRefused:
        return "-", "-", "of another version of hpo"
    best = f"{found.best.value:.4f} (trial {found.best.number})" if found.best else "-"
    return f"{found.taken}/{found.budget}", str(found.running), best
