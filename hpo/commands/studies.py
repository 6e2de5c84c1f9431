"""`hpo studies`: list what the database holds."""

import click

from hpo.commands.options import plain_errors, storage_option


@click.command(
    short_help="List the studies in the database.",
    epilog="Example: hpo studies --storage postgresql://hpo@db/hpo",
)
@storage_option
@plain_errors
def studies(storage: str) -> None:
    """List the studies in the database with their trials and best values."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from hpo.opening import open_database
    from hpo.status import collect, study_names

    with open_database(storage) as database:
        names = study_names(database)
        if not names:
            click.echo("no studies yet; make one with: hpo create --study NAME --config kobart")
            return
        table = Table("study", "trials", "running", "best", box=None, pad_edge=False)
        for name in names:
            found = collect(database, name)
            best = f"{found.best.value:.4f} (trial {found.best.number})" if found.best else "-"
            table.add_row(Text(name), f"{found.total}/{found.budget}", str(found.running), best)
    Console().print(table)
