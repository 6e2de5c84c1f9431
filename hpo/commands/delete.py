"""`hpo delete`: remove a study from the database."""

import click

from config.counting import counted
from hpo.commands.options import agreed, plain_errors, storage_option


@click.command(
    short_help="Delete a study, after asking.", epilog="Example: hpo delete --study trial-run"
)
@click.option("--study", "-s", required=True, metavar="NAME", help="The study to delete.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@storage_option
@plain_errors
def delete(study: str, yes: bool, storage: str) -> None:
    """Delete a study with all its trials, after asking. Checkpoints on disk stay."""
    import optuna

    from hpo import study as studies
    from hpo.errors import HpoError, NoSuchStudy
    from hpo.opening import open_database

    with open_database(storage) as database:
        if not studies.exists(database, study):
            raise NoSuchStudy(f"no study {study!r} in {database.url}; see: hpo studies")
        found = optuna.load_study(study_name=study, storage=database.storage)
        if not yes:
            trials = len(found.get_trials(deepcopy=False))
            if not agreed(f"Delete study {study!r} with its {counted(trials, 'trial')}?"):
                raise HpoError(f"study {study!r} is kept; --yes deletes it without asking")
        studies.delete(database, study)
    click.echo(f"study {study!r} deleted")
