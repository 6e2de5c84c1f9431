"""`hpo retry`: failed trials' parameters once more."""

import click

from hpo.commands.options import plain_errors, storage_option, study_option


@click.command(
    short_help="Queue failed trials' parameters again.",
    epilog="Example: hpo retry --study kobart --trial 7",
)
@study_option
@click.option(
    "--trial",
    "trials",
    required=True,
    multiple=True,
    type=click.IntRange(min=0),
    metavar="N",
    help="The trial. May be repeated.",
)
@click.option("--again", is_flag=True, help="Also where a retry of it waits or runs already.")
@storage_option
@plain_errors
def retry(study: str | None, trials: tuple[int, ...], again: bool, storage: str) -> None:
    """Queue the parameters of failed trials again, each as a new trial.

    A completed trial that another program told, or another study trained, can be queued too: hpo
    then trains its parameters here.
    The new trial says whose retry it is (hpo:retry_of) and counts to the budget as every queued
    trial does. Where one of several trials cannot be tried again, none is queued.
    """
    from hpo.opening import choose_study, open_database
    from hpo.retry import retry as queue

    with open_database(storage) as database:
        done = queue(database, choose_study(database, study), trials, again=again)
    for failed, new in done.queued.items():
        click.echo(f"trial {failed} is queued again as trial {new}")
    click.echo(done.budget)
