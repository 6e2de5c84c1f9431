"""What more trials in a study do to a worker's calls: a few seconds on SQLite, for `make check`."""

import statistics
from pathlib import Path

from benchmarks.storage.fill import EVALUATIONS, Fill, configuration, fill
from benchmarks.storage.workers import ASK, REPORT, Job, Seconds, run_ours
from storage.url import StorageURL

FEWEST, MOST = 100, 2_000
TRIALS = 6
TURNS = 3
OPTIONS = ("optuna.sampler=random",)  # what drawing costs is the sampler's affair


def seconds_of_calls(folder: Path) -> dict[str, tuple[float, float]]:
    """Give what ask and report take in seconds with the most trials, and with the fewest.

    Workers of the one and of the other work turn about; of their medians the least counts. Each
    worker's first trial, which loads the study, is left out. The files go into `folder`.
    """
    urls = [_filled(folder / f"{trials}.db", trials) for trials in (MOST, FEWEST)]
    turns = [[_medians(url, worker=str(turn)) for url in urls] for turn in range(TURNS)]
    return {
        call: (min(many[call] for many, _ in turns), min(few[call] for _, few in turns))
        for call in (ASK, REPORT)
    }


def _filled(path: Path, trials: int) -> str:
    url = f"sqlite:///{path}"
    fill(StorageURL.parse(url), Fill(trials), configuration(*OPTIONS))
    return url


def _medians(url: str, *, worker: str) -> dict[str, float]:
    job = Job(url, worker, trials=TRIALS)
    run_ours(job)
    later: Seconds = {ASK: job.seconds[ASK][1:], REPORT: job.seconds[REPORT][EVALUATIONS:]}
    return {call: statistics.median(seconds) for call, seconds in later.items()}
