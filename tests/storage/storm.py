"""Workers that are killed by SIGKILL at any moment and replaced, while others extend the budget.

The processes are forked from one that has loaded the libraries but never has a connection.
"""

import multiprocessing
import os
import random
import signal
import time
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import optuna
from optuna.exceptions import UpdateFinishedTrialError

from storage.budget import StudyBudget
from storage.connect import connect
from storage.errors import LeaseLost
from storage.leases import Lease, Leases, Spent
from storage.patience import Patience
from storage.url import StorageURL

WORKERS = 4
LEASE_S = 1.0
TRAINING_S = 0.2
LIFE_S = 0.4  # longest life of a worker that is to be killed, once it has begun to work

FORK = multiprocessing.get_context("fork")


class Worker:
    """A process that takes trials until the budget is spent."""

    def __init__(self, url: str, n_trials: int) -> None:
        self.at_work = FORK.Event()
        self.process = start(work, self.at_work, url, n_trials)

    def kill(self, after_s: float) -> bool:
        """Kill it so long after it began to work; False where it ended before by itself."""
        self.at_work.wait()
        time.sleep(after_s)
        self.process.kill()
        self.process.join()
        return self.process.exitcode == -signal.SIGKILL


def run_storm(url: str, n_trials: int, extended: list[int], kills: int) -> dict[str, int]:
    """Keep the workers alive through so many kills; extend to each number after a third of them."""
    chance = random.Random(0)
    workers = [Worker(url, n_trials) for _ in range(WORKERS)]
    extenders = []
    killed = 0
    for turn in range(kills):
        if turn == kills // 3:
            extenders = [start(extend, url, n_trials, to) for to in extended]
        victim = chance.randrange(WORKERS)
        killed += workers[victim].kill(chance.uniform(0, LIFE_S))
        workers[victim] = Worker(url, n_trials)
    processes = [*(worker.process for worker in workers), *extenders]
    for process in processes:
        process.join()
    return {"killed": killed, "failed": sum(process.exitcode != 0 for process in processes)}


def work(at_work: Event, url: str, n_trials: int) -> None:
    """Take trials until the budget is spent; drop one that another worker took over."""
    with connect(StorageURL.parse(url), patience=Patience(outage_s=60.0)) as database:
        sampler = optuna.samplers.RandomSampler()
        study = optuna.load_study(storage=database.storage, study_name="s", sampler=sampler)
        leases = Leases(database, study._study_id, lease_s=LEASE_S)
        at_work.set()
        while not isinstance(got := leases.claim(f"w{os.getpid()}", n_trials=n_trials), Spent):
            if not isinstance(got, Lease):
                time.sleep(min(got.seconds, 0.2))
                continue
            try:
                lease = leases.start(got)
                with database.fence(lease):
                    trial = optuna.trial.Trial(study, lease.trial_id)
                    value = trial.suggest_float("x", 0, 1)
                    time.sleep(TRAINING_S)
                    state = optuna.trial.TrialState.COMPLETE
                    database.storage.set_trial_state_values(lease.trial_id, state, [value])
            except (LeaseLost, UpdateFinishedTrialError):
                continue  # slower than its lease: another worker has the trial, or has ended it
            leases.done(lease)


def extend(url: str, n_trials: int, to: int) -> None:
    """Raise the budget, as `hpo create` does."""
    with connect(StorageURL.parse(url), patience=Patience(outage_s=60.0)) as database:
        study_id = database.storage.get_study_id_from_name("s")
        StudyBudget(database, study_id, pinned=n_trials).extend(to)


def start(target: object, *arguments: object) -> BaseProcess:
    process = FORK.Process(target=target, args=arguments)
    process.start()
    return process
