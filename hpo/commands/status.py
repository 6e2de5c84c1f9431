"""`hpo status`: how far a study is and what its workers do."""

import json

import click

from hpo.commands.options import plain_errors, storage_option, study_option

WATCH_EVERY_S = 2.0


@click.command(
    short_help="Show a study's trials, workers, best and time left.",
    epilog="Example: hpo status --study kobart --watch",
)
@study_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--watch", is_flag=True, help="Show it again every 2 seconds until Ctrl-C.")
@storage_option
@plain_errors
def status(study: str | None, as_json: bool, watch: bool, storage: str) -> None:
    """Show a study's trials by state, its budget, workers, best trial and the time left."""
    from hpo.opening import choose_study, open_database
    from hpo.status import collect
    from hpo.status_view import view
    from hpo.terminal import listing_console
    from hpo.watch import watch as show

    if watch and as_json:
        raise click.UsageError("--watch shows a table; leave --json out")
    with open_database(storage) as database:
        name = choose_study(database, study)
        if as_json:
            click.echo(json.dumps(collect(database, name).as_json(), ensure_ascii=False, indent=2))
            return
        console = listing_console()
        if watch:
            show(console, lambda: view(collect(database, name)), every_s=WATCH_EVERY_S)
        else:
            console.print(view(collect(database, name)))
