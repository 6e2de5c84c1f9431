"""`hpo import-sweep`: a W&B sweep as a configuration."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from config.counting import counted
from hpo.commands.options import config_option, plain_errors, printable
from hpo.commands.places_to_write import FileToWrite, messages_beside
from hpo.standard_output import STANDARD_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.sweep.importing import Imported

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    "import-sweep",
    short_help="Take a W&B sweep file over as a configuration.",
    epilog="Example: hpo import-sweep sweep.yaml --out study.yaml",
)
@click.argument("sweep", type=FILE, metavar="SWEEP.YAML")
@click.option(
    "--out",
    required=True,
    type=FileToWrite(),
    metavar="FILE",
    help="The configuration to write. - is standard output.",
)
@config_option
@click.option(
    "--nearest",
    is_flag=True,
    help="Where nothing is equal, take what is nearest: other odds, whole numbers.",
)
@plain_errors
def import_sweep(sweep: Path, out: Path, source: str | None, nearest: bool) -> None:
    """Write a configuration with the search that a W&B sweep file describes.

    Distributions are the same or are not taken over. What has no equivalent is named with its
    line, on the screen and at the top of the file, and the command ends with 1; the file holds
    the rest and loads. A malformed sweep is refused (2), and nothing is written.

    The rest of the configuration is the preset kobart's, or that of --config, as the base
    configuration of a sweep runner.
    """
    from config.pruners import in_words
    from config.sweep import importing
    from config.sweep.text import study_text
    from hpo.errors import WrongInput
    from hpo.whole_file import write_whole

    if out.exists() and sweep.exists() and out.samefile(sweep):
        raise WrongInput(f"--out {out} is the sweep itself; name another file")
    imported = importing.import_sweep(sweep, base=source, take_nearest=nearest)
    write_whole(out, study_text(imported, sweep, base=source))
    options = imported.config.optuna
    varied = len(options.search_space)
    say = messages_beside(out)
    where = "the configuration" if out == STANDARD_OUTPUT else str(out)
    say(
        f"{where}: {counted(varied, 'parameter')},"
        f" {counted(options.n_trials, 'trial')},"
        f" {options.sampler.name} sampler, {in_words(options.pruner)},"
        f" {imported.config.metric.name}"
    )
    _say(imported, say)
    if imported.left:
        count = len(imported.left)
        lacking = "1 part of the sweep has" if count == 1 else f"{count} parts of the sweep have"
        near = any(one.nearest for one in imported.left)
        mend = "--nearest takes what is near" if near else f"write what you want into {where}"
        raise click.ClickException(f"{lacking} no equivalent in {where}; {mend}")
    if out == STANDARD_OUTPUT:
        return
    name = shlex.quote(imported.name) if imported.name else "NAME"
    config = shlex.quote(str(out))
    say(printable(f"next: hpo create --study {name} --config {config}"))


def _say(imported: Imported, say: Callable[[str], None]) -> None:
    from config.sweep.parameters import nearest_line

    for note in imported.notes:
        say(printable(f"  {note}"))
    for left in imported.left:
        near = nearest_line(left)
        hint = "" if near is None else f"; nearest: {near}"
        click.echo(printable(f"not taken over, {left}{hint}"), err=True)
