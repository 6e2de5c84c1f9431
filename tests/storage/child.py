"""What the race tests run in processes of their own; each line of input is [PROCESSES, WHAT, ...]
or ["storm", ...].

The processes are forked from this one, which has loaded the libraries but never has a connection,
and a barrier lets them go at the same moment: they meet much closer than separate starts would.
"""

import json
import multiprocessing
import os
import sys
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import optuna
from storm import run_storm

from storage.connect import connect
from storage.errors import AlreadyQueued
from storage.leases import Lease, Leases, Spent, Wait
from storage.patience import Patience
from storage.retries import queue_again
from storage.url import StorageURL
from storage.workers import Workers

optuna.logging.set_verbosity(optuna.logging.WARNING)


TRAINING_S = 0.1


def open_database(together: Barrier, url: str) -> str:
    """Meet the others on an empty database and make the study there, as `hpo create` does."""
    together.wait()
    with connect(StorageURL.parse(url)) as database, database.lock("study s"):
        names = optuna.get_all_study_names(database.storage)
        if not names:
            optuna.create_study(storage=database.storage, study_name="s")
        return "found" if names == ["s"] else "made"


def work(together: Barrier, url: str, study: str, n_trials: str) -> list[int]:
    """Take trials until the budget is spent; give the ids of those taken."""
    with connect(StorageURL.parse(url)) as database:
        sampler = optuna.samplers.RandomSampler()
        opened = optuna.load_study(storage=database.storage, study_name=study, sampler=sampler)
        leases = Leases(database, opened._study_id)
        mine = []
        together.wait()
        while not isinstance(got := leases.claim(f"w{os.getpid()}", n_trials=int(n_trials)), Spent):
            if isinstance(got, Wait):
                time.sleep(0.05)
                continue
            lease = leases.start(got)
            trial = optuna.trial.Trial(opened, lease.trial_id)
            opened.tell(trial, trial.suggest_float("x", 0, 1))
            assert leases.done(lease)
            mine.append(lease.trial_id)
        return mine


def compete(together: Barrier, url: str, study: str, n_trials: str) -> list[int]:
    """Work as one of ours in every other process, else as a program that knows Optuna only."""
    if int(multiprocessing.current_process().name.rpartition("-")[2]) % 2:
        return work(together, url, study, n_trials)
    opened = optuna.load_study(storage=url, study_name=study)
    mine: list[int] = []

    def objective(trial: optuna.Trial) -> float:
        mine.append(trial._trial_id)
        return trial.suggest_float("x", 0, 1)

    together.wait()
    opened.optimize(objective, n_trials=int(n_trials) // 2)
    return mine


def hold(together: Barrier, url: str, study: str, lease_s: str) -> None:
    """Start a trial, report once, and die as by SIGKILL."""
    with connect(StorageURL.parse(url)) as database:
        opened = optuna.load_study(storage=database.storage, study_name=study)
        leases = Leases(database, opened._study_id, lease_s=float(lease_s))
        together.wait()
        lease = leases.claim("sleeper", n_trials=1)
        assert isinstance(lease, Lease)
        trial = optuna.trial.Trial(opened, leases.start(lease).trial_id)
        trial.suggest_float("x", 0, 1)
        trial.report(0.5, step=1)
        os._exit(9)


def lock(together: Barrier, url: str, name: str, path: str) -> str:
    """Add one to a number in a file under the lock, ten times, as slowly as to lose a race."""
    with connect(StorageURL.parse(url)) as database:
        together.wait()
        for _ in range(10):
            with database.lock(name), Path(path).open("r+") as file:
                number = int(file.read())
                time.sleep(0.002)
                file.seek(0)
                file.write(str(number + 1))
        return "counted"


def search(together: Barrier, url: str, study: str, n_trials: str) -> dict[int, float]:
    """Take trials as a patient worker does; give the value told of each that was taken."""
    patience = Patience(outage_s=300.0)
    together.wait()
    with connect(StorageURL.parse(url), patience=patience) as database:
        sampler = optuna.samplers.RandomSampler()
        opened = optuna.load_study(storage=database.storage, study_name=study, sampler=sampler)
        leases, workers = Leases(database, opened._study_id), Workers(database, opened._study_id)
        name = f"w{os.getpid()}"
        workers.register(name, host="h", pid=os.getpid(), device="cpu")
        told = {}
        while not isinstance(got := leases.claim(name, n_trials=int(n_trials)), Spent):
            if isinstance(got, Wait):
                time.sleep(0.05)
                continue
            assert got.attempt == 1
            lease = leases.start(got)
            with database.fence(lease):
                trial = optuna.trial.Trial(opened, lease.trial_id)
                x = trial.suggest_float("x", 0, 1)
                value = x + trial.number
                trial.set_user_attr("number", trial.number)
                trial.report(x, 1)
                time.sleep(TRAINING_S)
                assert leases.renew(lease)
                workers.beat(name, "training")
                trial.report(value, 2)
                opened.tell(trial, value)
            assert trial.number not in told
            told[trial.number] = value
        workers.leave(name)
        return told


def retry(together: Barrier, url: str, study_id: str, number: str) -> int | str:
    """Queue a failed trial's parameters again; give the new trial's number."""
    with connect(StorageURL.parse(url)) as database:
        together.wait()
        try:
            return queue_again(database, int(study_id), {int(number): {"x": 0.5}})[int(number)]
        except AlreadyQueued as error:
            return str(error)


TASKS = {
    "retry": retry,
    "search": search,
    "open": open_database,
    "work": work,
    "compete": compete,
    "hold": hold,
    "lock": lock,
}


def run_together(processes: str, what: str, *arguments: str) -> dict[str, object]:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(int(processes))
    results = context.SimpleQueue()

    def run() -> None:
        results.put(TASKS[what](together, *arguments))

    started = [context.Process(target=run) for _ in range(int(processes))]
    for process in started:
        process.start()
    for process in started:
        process.join()
    codes = [process.exitcode for process in started]
    return {"codes": codes, "results": [results.get() for code in codes if code == 0]}


def storm(url: str, n_trials: str, extended: str, kills: str) -> dict[str, object]:
    """Run workers that are killed at any moment; see storm.py."""
    counts = run_storm(url, int(n_trials), json.loads(extended), int(kills))
    return {"codes": [0], "results": [counts]}


if __name__ == "__main__":
    for line in sys.stdin:
        first, *arguments = json.loads(line)
        answer = storm(*arguments) if first == "storm" else run_together(first, *arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
