"""`hpo dashboard`: optuna-dashboard on the storage's studies."""

import click

from hpo.commands.options import plain_errors, storage_option


@click.command(
    short_help="Serve optuna-dashboard until Ctrl-C.", epilog="Example: hpo dashboard --port 8081"
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on. It asks for no password: stay on loopback, or behind a proxy.",
)
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port."
)
@storage_option
@plain_errors
def dashboard(host: str, port: int, storage: str) -> None:
    """Serve optuna-dashboard for every study in the storage, until Ctrl-C."""
    from hpo.dashboard import serve
    from hpo.opening import open_database

    with open_database(storage, create=True) as database:
        serve(database.storage, host=host, port=port)
