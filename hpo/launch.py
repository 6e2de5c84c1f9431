"""Everything a worker needs, put together: the study on this machine, its session, its mirror."""

import math
import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from config.schema import Configuration
from hpo import study as studies
from hpo.errors import WrongInput
from hpo.objective import Objective
from hpo.progress import Progress
from hpo.stop import stop_requests
from hpo.study import Pinned
from hpo.trial_run import Surroundings
from hpo.wandb_mirror import Mirror, open_mirror
from hpo.worker import Ended, Limits, Worker
from storage.connect import Database
from storage.leases import LEASE_S, Leases
from storage.workers import Workers
from trainer.data import fingerprint, locate_data
from trainer.device import device_name, pick_device
from trainer.session import TrainingSession

SHORTEST_LEASE_S = 1.0


@dataclass(frozen=True)
class Machine:
    """What belongs to this machine, not to the study; None takes what the study's creator gave."""

    data: str | None = None
    output: str | None = None
    threads: int | None = None


def on_machine(pinned: Pinned, machine: Machine) -> Configuration:
    """The pinned configuration with this machine's places and threads in it."""
    here = {
        "data_path": machine.data,
        "output_dir": machine.output,
        "cpu_threads": machine.threads,
    }
    general = pinned.config.general.model_copy(
        update={field: value for field, value in here.items() if value is not None}
    )
    return pinned.config.model_copy(update={"general": general})


def work(
    database: Database, name: str, *, machine: Machine, limits: Limits, console: Console
) -> Ended:
    """Run one worker of the study in this process until it has nothing left to do.

    Raises WorkerRefused before any trial is taken when data or versions are not the study's, and
    TrainerError when data or model cannot be used.
    """
    pinned = studies.read(database, name)
    config = on_machine(pinned, machine)
    files = locate_data(config.general.data_path)
    studies.check_worker(pinned, data_fingerprint=fingerprint(files))
    output = Path(config.general.output_dir)
    session = TrainingSession(files, output / "cache")
    session.prepare(config)  # what every trial would fail of must not cost a trial
    metric = config.metric.name
    with (
        _mirror(config, output) as mirror,
        Progress(console, metric=metric) as progress,
        stop_requests() as stop,
        _registered(database, name) as registration,
    ):
        around = Surroundings(
            study=studies.open_study(database, name, worker_seed=registration.ordinal),
            study_key=pinned.key,
            database=database,
            mirror=mirror,
            progress=progress,
            stop=stop,
        )
        worker = Worker(
            name=registration.worker,
            database=database,
            objective=Objective(around, config, session),
            leases=registration.leases,
            workers=registration.workers,
            limits=limits,
        )
        return worker.run()


def lease_seconds(environ: Mapping[str, str]) -> float:
    """How long a silent worker keeps its trial: HPO_LEASE_S, else a minute."""
    given = environ.get("HPO_LEASE_S")
    try:
        seconds = LEASE_S if given is None else float(given)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_LEASE_S <= seconds < math.inf:
        raise WrongInput(f"HPO_LEASE_S={given}: give seconds, {SHORTEST_LEASE_S:g} or more")
    return seconds


@dataclass(frozen=True)
class Registration:
    """A worker's entry in the study; `ordinal` counts the workers before it, from 0."""

    worker: str
    ordinal: int
    leases: Leases
    workers: Workers


@contextmanager
def _registered(database: Database, name: str) -> Iterator[Registration]:
    study_id = database.storage.get_study_id_from_name(name)
    workers = Workers(database, study_id)
    host, pid = socket.gethostname(), os.getpid()
    # The random part keeps two containers apart that share host name and pid.
    worker = f"{host}-{pid}-{secrets.token_hex(3)}"
    leases = Leases(database, study_id, lease_s=lease_seconds(os.environ))
    with database.lock(f"register {name}"):
        ordinal = len(workers.rows())
        workers.register(worker, host=host, pid=pid, device=str(device_name(pick_device())))
    try:
        yield Registration(worker, ordinal, leases, workers)
    finally:
        workers.leave(worker)


@contextmanager
def _mirror(config: Configuration, output: Path) -> Iterator[Mirror]:
    mirror = open_mirror(config, output, os.environ)
    try:
        yield mirror
    finally:
        mirror.close()
