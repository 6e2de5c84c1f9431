"""Everything a worker needs, put together: the study on this machine, its session, its mirror."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from config.schema import Configuration
from hpo import study as studies
from hpo.assignment import DEVICE_LOST, Assignment
from hpo.chores import chores_aside
from hpo.extension import study_budget
from hpo.lease_length import lease_seconds
from hpo.notifications.notifier import open_notifier
from hpo.objective import Objective
from hpo.parent import WorkingProcess
from hpo.pinned import Pinned, check_worker
from hpo.places import checkpoint_root, output_folder
from hpo.progress import Progress
from hpo.resume_states import sweep
from hpo.share import Share
from hpo.shared_card import Card, SharedCard
from hpo.stale import announcement
from hpo.stop import StopRequest
from hpo.trial_run import Surroundings
from hpo.turnover import Turnover
from hpo.wandb_mirror import Mirror, open_mirror
from hpo.worker import Ended, Limits, Worker
from storage.connect import Database
from storage.errors import StorageError
from storage.leases import Leases
from storage.workers import Workers
from trainer.checkpoint import check_name
from trainer.data import DataFiles, fingerprint, locate_data
from trainer.device import check_kernels, device_name, pick_device
from trainer.device_errors import device_errors_named
from trainer.errors import DeviceLost
from trainer.memory import MemoryBaseline
from trainer.session import TrainingSession

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Machine:
    """What belongs to this machine, not to the study; None takes what the study's creator gave."""

    data: str | None = None
    output: str | None = None
    checkpoints: str | None = None
    threads: int | None = None


def on_machine(pinned: Pinned, machine: Machine) -> Configuration:
    """The pinned configuration with this machine's places and threads in it.

    Raises WrongInput for a pinned output folder that the operator has not said.
    """
    general, here = pinned.config.general, Path.cwd()
    ours = {
        "data_path": machine.data,
        "output_dir": output_folder(general.output_dir, machine.output, here=here),
        "checkpoint_root": checkpoint_root(general.checkpoint_root, machine.checkpoints, here=here),
        "cpu_threads": machine.threads,
    }
    general = general.model_copy(
        update={field: value for field, value in ours.items() if value is not None}
    )
    return pinned.config.model_copy(update={"general": general})


def on_this_machine(
    database: Database, name: str, machine: Machine
) -> tuple[Pinned, Configuration, DataFiles]:
    """The study, its configuration here, and the data, which are those that it is pinned to.

    Raises WorkerRefused where data or versions are not the study's, TrainerError without data.
    """
    pinned = studies.read(database, name)
    config = on_machine(pinned, machine)
    files = locate_data(config.general.data_path)
    check_worker(pinned, data_fingerprint=fingerprint(files))
    return pinned, config, files


def work(
    database: Database,
    name: str,
    *,
    machine: Machine,
    limits: Limits,
    console: Console,
    process: WorkingProcess,
) -> Ended:
    """Run one worker of the study in this process until it has nothing left to do.

    Raises WorkerRefused before any trial is taken when data or versions are not the study's, and
    TrainerError when data or model cannot be used.
    """
    if process.assignment.device_lost and pick_device().type == "cpu":
        # MPS lets nobody in until all that shared the faulty context have ended: look again later.
        return Ended("torch finds no GPU any more; on the CPU no trial goes on", DEVICE_LOST)
    check_kernels(pick_device())  # every trial would lose its device
    pinned, config, files = on_this_machine(database, name, machine)
    output = Path(config.general.output_dir)
    check_name(output / pinned.folder)  # every trial would fail at its first model
    session = TrainingSession(files, output / "cache")
    if (lost := _prepare(session, config)) is not None:
        return lost
    memory = MemoryBaseline(session)
    process.parent.ready(name, max_attempts=config.optuna.max_attempts)
    turnover = Turnover()
    with (
        _mirror(config, output, process.stop, turnover) as mirror,
        chores_aside(turnover, hurried=process.stop.is_set) as chores,
        Progress(console, metric=config.metric.name) as progress,
        _registered(database, name, process.assignment) as registration,
    ):
        around = Surroundings(
            study=studies.open_study(database, name, worker_seed=registration.ordinal),
            study_key=pinned.key,
            folder=pinned.folder,
            database=database,
            mirror=mirror,
            progress=progress,
            stop=process.stop,
            parent=process.parent,
            turnover=turnover,
            chores=chores,
            notifier=open_notifier(database, name, config, os.environ, say=progress.say),
        )
        objective = Objective(around, config, session, _card(progress))
        sweep(around.study, objective.checkpoint_root, around.folder)
        _name_strangers(database, name, progress)
        worker = Worker(
            name=process.assignment.worker,
            database=database,
            objective=objective,
            leases=registration.leases,
            budget=study_budget(database, name, pinned),
            workers=registration.workers,
            limits=limits,
            excess=memory.excess,
            trials=process.assignment.trials,
            failures=list(process.assignment.failures),
        )
        ended = worker.run()
        leaves = partial(_leaves, ended, process.stop)
        around.notifier.close(end=ended.reason if ended.spent else None, hurried=leaves)
        if not leaves():
            _name_strangers(database, name, progress)
        return ended


def _prepare(session: TrainingSession, config: Configuration) -> Ended | None:
    """Make what every trial would fail of, so that it costs none; why not, where the card fails."""
    try:
        with device_errors_named():  # a checkpoint that rewrites sentences is put on the card
            session.prepare(config)
    except DeviceLost as error:
        return Ended(str(error), DEVICE_LOST)
    return None


def _leaves(ended: Ended, stop: StopRequest) -> bool:
    """Whether there is nothing more to say: another process goes on, or all is to end soon."""
    return ended.goes_on or stop.is_set()


def _card(progress: Progress) -> Card:
    """What this worker trains on: a card to itself, or its share of one."""
    share = Share.take(os.environ)
    return Card() if share is None else SharedCard(share, progress.say)


def _name_strangers(database: Database, name: str, progress: Progress) -> None:
    """Say which running trials are nobody's here: no worker waits for them."""
    warning = announcement(database, name)
    if warning is not None:
        progress.say(warning, style="yellow")


@dataclass(frozen=True)
class Registration:
    """A worker's entry in the study; `ordinal` counts the workers before it, from 0."""

    ordinal: int
    leases: Leases
    workers: Workers


@contextmanager
def _registered(database: Database, name: str, who: Assignment) -> Iterator[Registration]:
    study_id = database.storage.get_study_id_from_name(name)
    workers = Workers(database, study_id)
    leases = Leases(database, study_id, lease_s=lease_seconds(os.environ))
    with database.turn(f"register {name}"):
        ordinal = len(workers.rows())
        device = str(device_name(pick_device()))
        workers.register(who.worker, host=who.host, pid=who.pid, device=device)
    try:
        yield Registration(ordinal, leases, workers)
    finally:
        try:
            workers.leave(who.worker)
        except StorageError:
            log.debug("%s is still in the list", who.worker, exc_info=True)


@contextmanager
def _mirror(
    config: Configuration, output: Path, stop: StopRequest, turnover: Turnover
) -> Iterator[Mirror]:
    mirror = open_mirror(config, output, os.environ, turnover)
    try:
        yield mirror
    finally:
        mirror.close(hurried=stop.is_set)
