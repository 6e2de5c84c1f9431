"""`hpo create`: pin a configuration as a study."""

import shlex

import click

from config.counting import counted
from hpo.commands.options import (
    config_option,
    data_option,
    override_option,
    plain_errors,
    storage_option,
)


@click.command(
    short_help="Check a configuration and pin it as a study.",
    epilog="Example: hpo create --study kobart --config kobart -o optuna.n_trials=40",
)
@click.option("--study", "-s", required=True, metavar="NAME", help="The new study's name.")
@config_option
@override_option
@data_option
@storage_option
@plain_errors
def create(
    study: str, source: str | None, overrides: tuple[str, ...], data: str | None, storage: str
) -> None:
    """Create a study: check its configuration and pin it in the database.

    Creating it again with the same configuration does nothing; with another one it is refused
    and the difference shown. Without --config the preset named like the study is taken.

    A higher optuna.n_trials extends a study that exists, also while its workers run.
    """
    from hpo.creation import create_study, prepare_database
    from hpo.hiding import hide
    from hpo.opening import open_database

    prepare_database(storage, study, source=source, overrides=overrides, data=data)
    with open_database(storage) as database:
        made = create_study(database, study, source=source, overrides=overrides, data=data)
    for line in made.warnings:
        click.echo(f"warning: {line}", err=True)
    word = "created" if made.new else "exists with this configuration"
    if made.extension is not None:
        word = f"extended from {counted(made.extension.before, 'trial')} to {made.extension.after}"
    click.echo(f"study {study!r} {word}: {made.summary}")
    if made.stopped is not None:
        click.echo(f"but no new trial begins: {made.stopped}, and no extension moves a timeout")
        return
    following = shlex.join(("hpo", "worker", "--study", study, *made.options))
    click.echo(f"next: {hide(following)}")
