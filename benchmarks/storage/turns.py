"""Ask call by call: a worker of each side, turn about, so that both have the same moments.

A machine's bad minute falls on one side of a round, and on both of a pair of calls that follow
each other.
"""

import statistics
from collections.abc import Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Semaphore

import numpy as np

from benchmarks.ratios import Ratio
from benchmarks.storage.crowd import FORK, Load, Measured, run_measured
from benchmarks.storage.workers import Seconds

RESAMPLES = 10_000
OUTSIDE = (2.5, 97.5)  # per cent


def measure_turn_about(loads: Sequence[Load]) -> list[Measured]:
    """Run a worker for each of the loads; from one's ask to its next the others make theirs."""
    turns = [FORK.Semaphore(int(number == 0)) for number, _ in enumerate(loads)]
    answers: list[Queue[tuple[Seconds, list[str]]]] = [FORK.Queue() for _ in loads]
    workers = [
        FORK.Process(target=_work, args=(load, answer, turns[n], turns[(n + 1) % len(turns)]))
        for n, (load, answer) in enumerate(zip(loads, answers, strict=True))
    ]
    for worker in workers:
        worker.start()
    found = [Measured(*answer.get()) for answer in answers]
    for worker in workers:
        worker.join()
    return found


def _work(
    load: Load, answer: "Queue[tuple[Seconds, list[str]]]", mine: Semaphore, following: Semaphore
) -> None:
    def pass_on() -> None:
        following.release()
        mine.acquire()

    mine.acquire()
    try:
        run_measured(load, "measured-0", answer, started=pass_on)
    finally:
        for _ in range(load.trials + 1):  # who follows has nobody to wait for any more
            following.release()


def paired(ours: Sequence[float], plain: Sequence[float], *, seed: int = 0) -> Ratio:
    """The median of the pairs' ratios, and the range of 95% of its bootstrap resamples."""
    ratios = np.divide(ours, plain)
    chance = np.random.default_rng(seed)
    medians = np.median(chance.choice(ratios, size=(RESAMPLES, len(ratios))), axis=1)
    low, high = np.percentile(medians, OUTSIDE)
    return Ratio(statistics.median(ratios.tolist()), float(low), float(high))
