"""`hpo worker`: take trials of a study on this machine."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from hpo.commands.options import (
    config_option,
    data_option,
    override_option,
    plain_errors,
    storage_option,
    study_option,
)


@click.command(
    short_help="Run trials of a study until its budget is spent.",
    epilog="Example: hpo worker --study kobart --gpus all --storage postgresql://hpo@db/hpo",
)
@study_option
@config_option
@override_option
@data_option
@click.option(
    "--output",
    envvar="HPO_OUTPUT",
    metavar="FOLDER",
    help="Where models and caches go on this machine. Also read from HPO_OUTPUT.",
)
@click.option(
    "--max-trials", type=click.IntRange(min=1), metavar="N", help="End after N trials of its own."
)
@click.option(
    "--gpus",
    metavar="all|0,2",
    help="Start one worker process on each of these GPUs and show them together.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), metavar="N", help="CPU threads for this worker."
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="When every trial is taken, wait to continue those whose worker dies.",
)
@storage_option
@plain_errors
def worker(
    study: str | None,
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    output: str | None,
    max_trials: int | None,
    gpus: str | None,
    threads: int | None,
    wait: bool,
    storage: str,
) -> None:
    """Run trials of a study until its budget is spent.

    Creates the study from the preset of that name when it does not exist yet. Start it once on
    every GPU, on as many machines as you like. Ctrl-C ends it cleanly: the next worker continues
    the trial under way.
    """
    from hpo.creation import ensure_study, prepare_database
    from hpo.launch import lease_seconds
    from hpo.opening import open_database

    lease_seconds(os.environ)  # what is mistyped must be said before a study is made
    chosen = None if gpus is None else _gpus(gpus)
    prepare_database(storage, study, source=source, overrides=overrides, data=data)
    with open_database(storage) as database:
        name = ensure_study(database, study, source=source, overrides=overrides, data=data)
    if chosen is not None:
        options = {
            "--max-trials": max_trials,
            "--threads": threads,
            "--data": data,
            "--output": output,
        }
        sys.exit(_fleet(chosen, name, storage=storage, options=options, wait=wait))
    machine = {"data": data, "output": output, "threads": threads}
    _work(name, storage=storage, machine=machine, max_trials=max_trials, wait=wait)


def _work(
    name: str, *, storage: str, machine: dict[str, Any], max_trials: int | None, wait: bool
) -> None:
    from hpo.launch import Machine, work
    from hpo.opening import open_database
    from hpo.terminal import make_console, show_result
    from hpo.worker import Limits

    console = make_console()
    with open_database(storage, create=True) as database:
        limits = Limits(max_trials=max_trials, wait=wait)
        ended = work(database, name, machine=Machine(**machine), limits=limits, console=console)
        if ended.failed:
            raise click.ClickException(ended.reason)
        show_result(console, database, name, reason=ended.reason)


def _gpus(wanted: str) -> tuple[str, ...]:
    import torch

    from hpo.fleet import chosen_gpus

    return chosen_gpus(wanted, available=torch.cuda.device_count())


def _fleet(
    gpus: Sequence[str], name: str, *, storage: str, options: Mapping[str, object], wait: bool
) -> int:
    from hpo.fleet import run_fleet

    arguments = ["--study", name, "--wait" if wait else "--no-wait"]
    for option, value in options.items():
        if value is not None:
            arguments += [option, str(value)]
    # Through the environment: a URL with a password must not stand in the process list.
    environ = os.environ | {"HPO_STORAGE": storage}
    return run_fleet(gpus, arguments, environ=environ)
