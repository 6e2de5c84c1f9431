"""`hpo report`: the experiment record of a study, as Markdown and as a page."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from hpo.commands.options import (
    artifacts_option,
    not_empty,
    plain_errors,
    printable,
    storage_option,
    study_option,
)
from hpo.commands.places_to_write import FileToWrite, messages_beside
from hpo.standard_output import STANDARD_OUTPUT


@click.command(
    short_help="Write a study's experiment record, as Markdown or HTML.",
    epilog="Example: hpo report --study kobart --out report.html --out report.md",
)
@study_option
@click.option(
    "--out",
    "targets",
    multiple=True,
    type=FileToWrite(),
    metavar="FILE",
    help="File to write: .html with plots, or .md. May be repeated; without it, or with -, the "
    "Markdown is printed.",
)
@click.option(
    "--number", type=click.IntRange(min=0), help="Number of the experiment [the study's own]."
)
@click.option("--aim", metavar="TEXT", callback=not_empty, help="What the experiment was for.")
@click.option("--who", metavar="NAME", callback=not_empty, help="Who made it.")
@artifacts_option(
    "Give the report, the plots and each trial's samples to optuna-dashboard: files go to this "
    "folder, which `hpo dashboard --artifacts` shows."
)
@storage_option
@plain_errors
def report(
    study: str | None,
    targets: tuple[Path, ...],
    number: int | None,
    aim: str | None,
    who: str | None,
    artifacts: Path | None,
    storage: str,
) -> None:
    """Write what a study was for, its settings, results, what was learned and what comes next.

    The page holds Optuna's plots and needs no network. HTML needs the extra report
    (pip install 'hpo[report]'); Markdown needs nothing.
    """
    from hpo.opening import choose_study, open_database
    from hpo.report.facts import gather
    from hpo.report.head import Told
    from hpo.report.publish import publish
    from hpo.report.write import Writer, check_targets

    check_targets(targets)
    with open_database(storage) as database:
        facts = gather(database, choose_study(database, study))
        writer = Writer(facts, Told(number, aim, who), os.environ)
        if not targets and artifacts is None:
            targets = (STANDARD_OUTPUT,)
        say = messages_beside(*targets)
        if artifacts is not None:
            published = publish(database, facts, writer, artifacts)
            say(printable(f"to the dashboard: {published}"))
            say(printable(f"see it: hpo dashboard --artifacts {shlex.quote(str(artifacts))}"))
    for target in targets:
        writer.write(target)
        if target != STANDARD_OUTPUT:
            say(printable(f"written to {target}"))
