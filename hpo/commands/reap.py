"""`hpo reap`: end running trials whose program is dead."""

import math
import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from hpo.commands.options import agreed, plain_errors, storage_option, study_option

if TYPE_CHECKING:
    from hpo.stale import Stale

LONGEST_S = 10 * 365 * 86400


def _number(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    """Refuse nan, which is neither below nor above any bound."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is no number of seconds; write one such as 3600")
    return value


@click.command(
    short_help="Fail running trials whose program is dead.",
    epilog="Example: hpo reap --study kobart --older-than 3600",
)
@study_option
@click.option(
    "--older-than",
    type=click.FloatRange(min=0, max=LONGEST_S),
    callback=_number,
    metavar="SECONDS",
    help="Fail trials whose last heartbeat, or start where Optuna keeps no heartbeat, is so long "
    "ago. Without it: 600 since the heartbeat, 86400 (a day) since the start.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@storage_option
@plain_errors
def reap(study: str | None, older_than: float | None, yes: bool, storage: str) -> None:
    """Fail running trials without a lease that show no sign of life, after asking.

    Such trials are those of other programs, as Optuna's own workers. One that still works on its
    trial fails when it next writes. Trials of hpo's own workers are left: the next worker
    continues them. `hpo retry` queues what was failed again.
    """
    from hpo.errors import HpoError
    from hpo.opening import choose_study, open_database
    from hpo.stale import find_stale
    from hpo.stale import reap as fail
    from hpo.study import read

    with open_database(storage) as database:
        name = choose_study(database, study)
        attempts = read(database, name).config.optuna.max_attempts
        study_id = database.storage.get_study_id_from_name(name)
        found = find_stale(database, study_id, max_attempts=attempts, older_than=older_than)
        dead = [trial for trial in found if trial.dead]
        _show(trial for trial in found if not (trial.dead and yes))
        if dead and not yes and not agreed(f"Fail {len(dead)} running in study {name!r}?"):
            raise HpoError("nothing was changed; --yes fails them without asking")
        failed = fail(database, study_id, dead)
    for trial in dead:
        done = f"failed: {trial.why}" if trial in failed else "left: it has shown life meanwhile"
        click.echo(f"trial {trial.number} {done}")
    if failed:
        again = "".join(f" --trial {trial.number}" for trial in failed)
        click.echo(f"next: hpo retry --study {shlex.quote(name)}{again}")
    elif not dead:
        click.echo("nothing to reap")


def _show(trials: "Iterable[Stale]") -> None:
    for trial in trials:
        click.echo(str(trial))
