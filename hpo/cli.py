"""The `hpo` command: composes the commands and nothing else.

Command modules import only click at the top, so `hpo --help` answers before torch is loaded.
"""

import os

import click

from hpo.busy_waiting import shorten_busy_waiting
from hpo.command_group import Commands
from hpo.commands.baseline import baseline
from hpo.commands.best import best
from hpo.commands.check import check
from hpo.commands.config import config
from hpo.commands.confirm import confirm
from hpo.commands.create import create
from hpo.commands.dashboard import dashboard
from hpo.commands.delete import delete
from hpo.commands.eda import eda
from hpo.commands.ensemble import ensemble
from hpo.commands.import_sweep import import_sweep
from hpo.commands.local import down, up
from hpo.commands.mirror import mirror
from hpo.commands.predict import predict
from hpo.commands.reap import reap
from hpo.commands.report import report
from hpo.commands.retry import retry
from hpo.commands.status import status
from hpo.commands.studies import studies
from hpo.commands.train import train
from hpo.commands.worker import worker
from hpo.ours import NotOurs, check_ours


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: hpo worker --study kobart on each GPU, then hpo best --export config.yaml.",
)
@click.version_option(package_name="hpo", message="%(prog)s %(version)s")
def main() -> None:
    """Search hyperparameters for KoBART on Korean dialogue summarization.

    A study lives in a database (--storage URL, else HPO_STORAGE, else sqlite:///hpo.db); any
    number of workers take its trials.
    """
    try:
        check_ours()
    except NotOurs as error:
        raise click.ClickException(str(error)) from error
    shorten_busy_waiting(os.environ)


for command in (
    create,
    worker,
    check,
    status,
    best,
    report,
    confirm,
    train,
    predict,
    ensemble,
    baseline,
    mirror,
    dashboard,
    studies,
    retry,
    reap,
    delete,
    config,
    import_sweep,
    eda,
    up,
    down,
):
    main.add_command(command)
