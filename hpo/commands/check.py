"""`hpo check`: what to look at before an experiment, and before a submission."""

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpo.commands.options import (
    checkpoints_option,
    config_option,
    not_empty,
    output_option,
    override_option,
    plain_errors,
    printable,
    storage_option,
    study_option,
)

if TYPE_CHECKING:
    from hpo.check.finding import Check

FAILED = 1


@click.command(
    short_help="Check everything before an experiment, or a submission file.",
    epilog="Example: hpo check --study kobart --try, or hpo check --submission submission.csv",
)
@study_option
@config_option
@override_option
@click.option(
    "--data",
    envvar="HPO_DATA",
    metavar="FOLDER|FILE",
    callback=not_empty,
    help="Where the data lie on this machine; with --submission the test file, or its folder. "
    "Also read from HPO_DATA.",
)
@output_option("Where models are to go on this machine.")
@checkpoints_option("Where running trials are to save.")
@click.option(
    "--try",
    "trying",
    is_flag=True,
    help="Train a little, to measure memory and time instead of estimating them.",
)
@click.option(
    "--submission",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check this submission file instead.",
)
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="With --submission: the model that wrote it, if the file does not know.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@storage_option
@plain_errors
def check(
    study: str | None,
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    output: str | None,
    checkpoints: str | None,
    trying: bool,
    submission: Path | None,
    model: Path | None,
    as_json: bool,
    storage: str,
) -> None:
    """Check what a search needs: one line each, with what mends it; exit 1 on a failure.

    Looks at the storage, the configuration, versions, data, model, lengths, GPU, memory, disk,
    W&B and the time that the budget will take. Writes nothing to the database and sends nothing.
    Without --study and --config the only study there is, else the preset kobart is checked.
    """
    if submission is not None:
        _show(_submission(submission, data, model), as_json=as_json)
        return
    if model is not None:
        raise click.UsageError("--model is for --submission; --config names what to check else")
    from hpo.check.experiment import experiment_checks
    from hpo.check.subject import Asked

    asked = Asked(storage, study, source, overrides, data, output, checkpoints, trying)
    _show(experiment_checks(asked), as_json=as_json)


def _submission(file: Path, data: str | None, model: Path | None) -> "list[Check]":
    from hpo.check.answered_file import find_test_file
    from hpo.check.submission import submission_checks

    return submission_checks(file, find_test_file(file, data), model)


def _show(checks: "Iterable[Check]", *, as_json: bool) -> None:
    """Print each finding as it comes, or all as JSON at the end."""
    from rich.console import Console

    from hpo.check.finding import Finding, passed, report
    from hpo.check.running import findings_of
    from hpo.check.view import line, summary

    console = Console(soft_wrap=True)
    findings: list[Finding] = []
    for each in findings_of(checks):
        found = replace(each, text=printable(each.text), mend=printable(each.mend))
        findings.append(found)
        if not as_json:
            console.print(line(found))
    if as_json:
        click.echo(json.dumps(report(findings), ensure_ascii=False, indent=2))
    else:
        console.print(summary(findings), highlight=False)
    if not passed(findings):
        sys.exit(FAILED)
