"""`hpo dashboard`: optuna-dashboard on the storage's studies."""

import os
from pathlib import Path

import click

from hpo.commands.options import artifacts_option, not_empty, plain_errors, storage_option


@click.command(
    short_help="Serve optuna-dashboard until Ctrl-C.", epilog="Example: hpo dashboard --port 8081"
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    callback=not_empty,
    help="Address to listen on. Beyond this machine it asks for the password in "
    "HPO_DASHBOARD_PASSWORD (or the file in HPO_DASHBOARD_PASSWORD_FILE).",
)
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(1, 65535), help="Port."
)
@click.option(
    "--allow-write",
    is_flag=True,
    help="Let the page change studies: notes, ending, renaming and deleting.",
)
@click.option(
    "--host-name",
    "host_names",
    multiple=True,
    envvar="HPO_DASHBOARD_HOST_NAME",
    metavar="NAME",
    help="A name under which browsers reach it, e.g. a proxy's. May be repeated; addresses, "
    "localhost and this machine's name need none. Also read from HPO_DASHBOARD_HOST_NAME.",
)
@artifacts_option("Show the artifacts that `hpo report --artifacts FOLDER` put there.")
@storage_option
@plain_errors
def dashboard(
    host: str,
    port: int,
    allow_write: bool,
    host_names: tuple[str, ...],
    artifacts: Path | None,
    storage: str,
) -> None:
    """Serve optuna-dashboard for every study in the storage, until Ctrl-C.

    It shows and changes nothing, unless --allow-write. A password in HPO_DASHBOARD_PASSWORD is
    asked for wherever it listens; the user is hpo, or HPO_DASHBOARD_USER.
    """
    from hpo.dashboard import access_for, serve
    from hpo.opening import open_database

    # Before a database is made: what is said about the password may be wrong.
    access_for(host, os.environ, allow_write=allow_write, host_names=host_names)
    with open_database(storage, create=True) as database:
        serve(
            database,
            host=host,
            port=port,
            allow_write=allow_write,
            host_names=host_names,
            artifacts=artifacts,
        )
