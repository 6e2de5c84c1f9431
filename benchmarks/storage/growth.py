"""What more trials in a study do to a worker's calls: a few seconds on SQLite, for `make check`."""

import statistics
from pathlib import Path

from benchmarks.storage.fill import EVALUATIONS, Fill, configuration, fill
from benchmarks.storage.workers import ASK, REPORT, Job, Seconds, run_ours
from storage.url import StorageURL

FEWEST, MOST = 100, 2_000
TRIALS = 6
OPTIONS = ("optuna.sampler=random",)  # what drawing costs is the sampler's affair


def growths(folder: Path, *, fewest: int = FEWEST, most: int = MOST) -> dict[str, float]:
    """Give how many times longer ask and report take with the most trials than with the fewest.

    Medians without each worker's first trial, which loads the study; the files go into `folder`.
    """
    few, many = (_measured(folder / f"{trials}.db", trials) for trials in (fewest, most))
    return {call: statistics.median(many[call]) / statistics.median(few[call]) for call in few}


def _measured(path: Path, trials: int) -> Seconds:
    url = f"sqlite:///{path}"
    fill(StorageURL.parse(url), Fill(trials), configuration(*OPTIONS))
    job = Job(url, "w", trials=TRIALS)
    run_ours(job)
    return {ASK: job.seconds[ASK][1:], REPORT: job.seconds[REPORT][EVALUATIONS:]}
