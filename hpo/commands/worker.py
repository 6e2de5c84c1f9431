"""`hpo worker`: take trials of a study on this machine."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from hpo.commands.options import (
    checkpoints_option,
    config_option,
    data_option,
    output_option,
    override_option,
    per_gpu_count,
    plain_errors,
    storage_option,
    study_option,
)

if TYPE_CHECKING:
    from config.schema import Configuration
    from hpo.assignment import Assignment
    from storage.patience import Patience


@click.command(
    short_help="Run trials of a study until its budget is spent.",
    epilog="Example: hpo worker --study kobart --gpus all --storage postgresql://hpo@db/hpo",
)
@study_option
@config_option
@override_option
@data_option
@output_option("Where models and caches go on this machine.")
@checkpoints_option(
    "Where running trials save where they are, best a place that every worker reaches "
    "(s3://bucket/hpo); the output folder if not given."
)
@click.option(
    "--max-trials",
    type=click.IntRange(min=1),
    metavar="N",
    help="End after N trials of its own; of several workers, each.",
)
@click.option(
    "--gpus",
    metavar="all|0,2",
    help="Start one worker process on each of these GPUs and show them together.",
)
@click.option(
    "--per-gpu",
    callback=per_gpu_count,
    metavar="K|auto",
    help="Train K trials at once on a GPU (on the CPU where there is none), each in a worker of "
    "its own; auto measures which K gets on fastest and fits.",
)
@click.option(
    "--mps/--no-mps",
    default=True,
    show_default=True,
    help="Where trials share a GPU, use or start CUDA's Multi-Process Service.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="CPU threads for this worker; of several workers, for each.",
)
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="When every trial is taken, wait to continue those whose worker dies.",
)
@click.option(
    "--stopped-status",
    type=click.IntRange(0, 125),
    default=0,
    show_default=True,
    metavar="N",
    help="Exit status of a worker that was asked to stop, for a scheduler to start it again.",
)
@storage_option
@plain_errors
def worker(
    study: str | None,
    source: str | None,
    overrides: tuple[str, ...],
    data: str | None,
    output: str | None,
    checkpoints: str | None,
    max_trials: int | None,
    gpus: str | None,
    per_gpu: str | None,
    mps: bool,
    threads: int | None,
    wait: bool,
    stopped_status: int,
    storage: str,
) -> None:
    """Run trials of a study until its budget is spent.

    Creates the study from the preset of that name when it does not exist yet. Start it once on
    every GPU, on as many machines as you like. Ctrl-C ends it cleanly: the next worker continues
    the trial under way. A second Ctrl-C ends it at once.

    HPO_WEBHOOK (a Slack or Discord address) has a chat told of new bests, failures and the end.
    """
    from hpo.assignment import Assignment
    from hpo.lease_length import lease_seconds
    from hpo.notifications.webhook import webhook_of
    from hpo.wandb_mode import check_environment

    check_environment(os.environ, lambda: _wandb_mode(storage, study, source, overrides))
    webhook_of(os.environ)
    lease_seconds(os.environ)
    made_of = {"source": source, "overrides": overrides, "data": data}
    output, checkpoints = _own_places(source, overrides, output=output, checkpoints=checkpoints)
    machine = {"data": data, "output": output, "checkpoints": checkpoints, "threads": threads}
    options = [
        *_words({"--max-trials": max_trials, "--stopped-status": stopped_status}),
        *_words({f"--{name}": machine[name] for name in machine}),
        "--wait" if wait else "--no-wait",
    ]
    if gpus is not None or per_gpu is not None:
        wanted: dict[str, Any] = {"gpus": gpus, "per_gpu": per_gpu or "1", "mps": mps}
        wanted |= {"machine": machine, "stopped_status": stopped_status}
        sys.exit(_fleet(wanted, study, made_of, storage=storage, options=options))
    assignment = Assignment.take(os.environ)
    if assignment is None:
        chosen = _words({"--study": study, "--config": source})
        chosen += [word for each in overrides for word in ("--override", each)]
        sys.exit(_supervise(chosen, stopped_status, storage, options))
    limits = {"max_trials": max_trials, "wait": wait}
    sys.exit(_work(assignment, study, made_of, storage=storage, machine=machine, limits=limits))


def _wandb_mode(
    storage: str, study: str | None, source: str | None, overrides: Sequence[str]
) -> str:
    """The study's mode; that of what it is to be made of where there is no such study."""
    from config.errors import ConfigError
    from config.load import load
    from hpo import study as studies
    from hpo.errors import HpoError
    from hpo.opening import choose_study, open_database
    from storage.errors import StorageError

    with suppress(StorageError, HpoError), open_database(storage) as database:
        return studies.read(database, choose_study(database, study)).config.wandb.mode
    with suppress(ConfigError):
        return load(source or study or "", overrides=overrides, environ=os.environ).wandb.mode
    return "auto"  # what is wrong with that is said elsewhere


def _own_places(
    source: str | None, overrides: Sequence[str], *, output: str | None, checkpoints: str | None
) -> tuple[str | None, str | None]:
    """The output folder and the checkpoint root given, also in the operator's own file."""
    if source is None:
        return output, checkpoints
    from config.load import load

    general = load(source, overrides=overrides, environ=os.environ).general
    return output or general.output_dir, checkpoints or general.checkpoint_root


def _words(options: Mapping[str, object]) -> list[str]:
    """The options that were given, as words of a command line."""
    given = {name: str(value) for name, value in options.items() if value is not None}
    return [word for option in given.items() for word in option]


def _supervise(chosen: Sequence[str], stopped: int, storage: str, options: Sequence[str]) -> int:
    from hpo.supervisor import IN_FLEET, Supervisor

    in_fleet = os.environ.pop(IN_FLEET, None) is not None
    return Supervisor(options, chosen, _environ(storage), click.echo, in_fleet, stopped).run()


def _work(
    assignment: "Assignment",
    study: str | None,
    made_of: Mapping[str, Any],
    *,
    storage: str,
    machine: Mapping[str, Any],
    limits: Mapping[str, Any],
) -> int:
    from hpo.parent import under_parent

    with under_parent(assignment) as process:
        from hpo.opening import open_database
        from hpo.predecessors import bury
        from storage.patience import WORKER_OUTAGE_S, Patience

        patience = Patience(WORKER_OUTAGE_S, process.stop.is_set)
        if assignment.dead and study is not None:
            with open_database(storage, patience=patience) as database:
                bury(database, study, assignment.dead)

        from hpo.loading import loading
        from hpo.quick_imports import uncollected

        with loading(), uncollected():
            from hpo.launch import Machine, work
        from hpo.terminal import make_console, show_result
        from hpo.worker import Limits

        console = make_console()
        # A later process makes nothing: a database that is gone by now must not begin anew.
        later = study if assignment.trials else None
        name = later or _study(storage, study, made_of, patience=patience)
        with open_database(storage, patience=patience) as database:
            ended = work(
                database,
                name,
                machine=Machine(**machine),
                limits=Limits(**limits),
                console=console,
                process=process,
            )
            if ended.goes_on:
                click.echo(ended.reason)
            elif ended.status:
                raise click.ClickException(ended.reason)
            else:
                show_result(console, database, name, reason=ended.reason)
    return ended.status


def _fleet(
    wanted: Mapping[str, Any],
    study: str | None,
    made_of: Mapping[str, Any],
    *,
    storage: str,
    options: Sequence[str],
) -> int:
    from hpo.worker_signals import STOPPED, die_of, end_young, worker_signals

    with worker_signals(first=lambda: end_young(wanted["stopped_status"]), second=die_of):
        import torch

        from hpo.bursts import AskedToStop
        from hpo.fleet import run_fleet
        from hpo.seating import Wanted, seated
        from hpo.seats import chosen_gpus
        from storage.patience import WORKER_OUTAGE_S, Patience

        # The driver may count cards that CUDA cannot use; each worker would train on the CPU.
        there = torch.cuda.device_count() if torch.cuda.is_available() else 0
        gpus = chosen_gpus(wanted["gpus"], available=there)
        each = None if wanted["per_gpu"] == "auto" else int(wanted["per_gpu"])
        places = Wanted(gpus, each, wanted["mps"], wanted["machine"]["threads"])
        name = _study(storage, study, made_of, patience=Patience(WORKER_OUTAGE_S))
    environ = _environ(storage)
    try:
        with seated(
            places,
            lambda: _configuration(storage, name, wanted["machine"]),
            environ=environ,
            say=click.echo,
        ) as seats:
            return run_fleet(seats, ["--study", name, *options], environ=environ)
    except AskedToStop:
        click.echo(STOPPED)
        return int(wanted["stopped_status"])


def _configuration(storage: str, study: str, machine: Mapping[str, Any]) -> "Configuration":
    from hpo.launch import Machine, on_this_machine
    from hpo.opening import open_database

    with open_database(storage) as database:
        return on_this_machine(database, study, Machine(**machine))[1]


def _study(
    storage: str, study: str | None, made_of: Mapping[str, Any], *, patience: "Patience"
) -> str:
    """Make sure of the study; what is mistyped is said before anything is made."""
    from hpo.creation import ensure_study, prepare_database
    from hpo.opening import open_database

    prepare_database(storage, study, **made_of, patience=patience)
    with open_database(storage, patience=patience) as database:
        return ensure_study(
            database, study, **made_of, warn=lambda line: click.echo(f"warning: {line}", err=True)
        )


def _environ(storage: str) -> dict[str, str]:
    # Not by an option: a URL with a password must not stand in the process list.
    return os.environ | {"HPO_STORAGE": storage}
