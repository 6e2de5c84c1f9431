"""Many workers at once: some whole ones that are measured, and a crowd at the pace of real ones."""

import logging
import multiprocessing
import random
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event, Semaphore

import optuna

from benchmarks.storage.fill import EVALUATIONS, OURS, configuration
from benchmarks.storage.plain import run_plain
from benchmarks.storage.workers import CALLS, Job, Seconds, run_ours

TRIAL_S = 300.0  # how long a trial of the crowd takes
START_S = 240.0  # longest wait for the crowd to be at work
MOST_IN_A_PROCESS = 100
MEASURED = 2  # whole workers that are measured, where there is a crowd

# Each would import torch anew for seconds; nothing is connected and no thread runs when they fork.
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Load:
    """Who works: `side` is OURS or PLAIN, `workers` in all; each measured one runs `trials`."""

    side: str
    url: str
    workers: int
    trials: int
    known: int
    options: tuple[str, ...] = ()

    @property
    def measured(self) -> int:
        """How many of the workers are measured."""
        return min(self.workers, MEASURED)


@dataclass
class Measured:
    """The seconds of all calls of the measured workers, and what went wrong with any worker."""

    seconds: Seconds = field(default_factory=lambda: {call: [] for call in CALLS})
    errors: list[str] = field(default_factory=list)


def measure(load: Load) -> Measured:
    """Run the measured workers beside the crowd."""
    found: Queue[tuple[Seconds, list[str]]] = FORK.Queue()
    result = Measured()
    with _crowd(load, load.workers - load.measured, result):
        running = [
            FORK.Process(target=run_measured, args=(load, f"measured-{n}", found))
            for n in range(load.measured)
        ]
        for process in running:
            process.start()
        for _ in running:
            _add(result, found.get())
        for process in running:
            process.join()
    return result


@contextmanager
def _crowd(load: Load, size: int, result: Measured) -> Iterator[None]:
    """Keep a crowd of that size at work."""
    stop, found = FORK.Event(), FORK.Queue()
    at_work = FORK.Semaphore(0)
    processes = [
        FORK.Process(
            target=_crowd_process,
            args=(load, range(first, min(first + MOST_IN_A_PROCESS, size)), stop, at_work, found),
        )
        for first in range(0, size, MOST_IN_A_PROCESS)
    ]
    for process in processes:
        process.start()
    try:
        for _ in range(size):
            if not at_work.acquire(timeout=START_S):
                result.errors.append(f"the crowd of {size} was not at work after {START_S:g} s")
                break
        yield
    finally:
        stop.set()
        for _ in processes:
            _add(result, ({}, found.get()[1]))
        for process in processes:
            process.join()


def _add(result: Measured, one: tuple[Seconds, list[str]]) -> None:
    seconds, errors = one
    for call, values in seconds.items():
        result.seconds[call] += values
    result.errors += errors


def run_measured(
    load: Load,
    name: str,
    found: "Queue[tuple[Seconds, list[str]]]",
    *,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Run a measured worker in this process, and put what it measured and its errors.

    `started` is called when a trial has its parameters.
    """
    _be_quiet()
    job = Job(load.url, name, trials=load.trials, started=started)
    errors: list[str] = []
    _run(load, job, errors)
    found.put((job.seconds, errors))


def _crowd_process(
    load: Load,
    numbers: range,
    stop: Event,
    at_work: Semaphore,
    found: "Queue[tuple[Seconds, list[str]]]",
) -> None:
    _be_quiet()
    ends, errors = threading.Event(), list[str]()
    threads = [
        threading.Thread(
            target=_run,
            args=(
                load,
                Job(
                    load.url,
                    f"crowd-{number}",
                    knows_from=load.known,
                    pace=_Paced(ends, number),
                    started=_once(at_work.release),
                ),
                errors,
            ),
        )
        for number in numbers
    ]
    for thread in threads:
        thread.start()
    stop.wait()
    ends.set()
    for thread in threads:
        thread.join()
    found.put(({}, errors))


def _run(load: Load, job: Job, errors: list[str]) -> None:
    try:
        if load.side == OURS:
            run_ours(job)
        else:
            run_plain(job, configuration(*load.options))
    except Exception as error:  # noqa: BLE001 - what went wrong is what is counted
        last = traceback.extract_tb(error.__traceback__)[-1]
        errors.append(f"{job.name}: {error!r} ({last.filename}:{last.lineno})")


class _Paced:
    """Waits between two evaluations as a training of TRIAL_S seconds does."""

    def __init__(self, ends: threading.Event, seed: int) -> None:
        self._ends = ends
        self._every_s = TRIAL_S / EVALUATIONS
        self._first_s = random.Random(seed).uniform(0, self._every_s)

    def __call__(self) -> bool:
        wait_s, self._first_s = self._first_s or self._every_s, 0.0
        return not self._ends.wait(wait_s)


def _once(call: Callable[[], object]) -> Callable[[], None]:
    """Give a function that passes its first call on."""
    left = [call]

    def passed() -> None:
        if left:
            left.pop()()

    return passed


def _be_quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.disable(logging.WARNING)
