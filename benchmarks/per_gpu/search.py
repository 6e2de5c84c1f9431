"""The same few trials, run by a real `hpo worker --per-gpu K`: how long, and what they found."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from storage.connect import connect
from storage.url import StorageURL

RATE = "training.learning_rate"
HOUR_S = 3600.0


@dataclass(frozen=True)
class Found:
    """What a run came to: trials an hour, and the value of each learning rate.

    `said` are the lines about MPS and about what auto chose.
    """

    an_hour: float
    values: Mapping[float, float]
    said: tuple[str, ...]


def rates(count: int, *, middle: float) -> list[float]:
    """Return so many learning rates from a half to twice the middle one."""
    return [
        float(f"{middle * 2 ** (2 * step / max(1, count - 1) - 1):.3g}") for step in range(count)
    ]


def searched(settings: Mapping[str, Any], learning_rates: Sequence[float]) -> dict[str, Any]:
    """Return settings of a search that tries each learning rate once, whoever comes first."""
    return {
        **settings,
        "optuna": {
            "n_trials": len(learning_rates),
            "sampler": {"name": "random"},
            "pruner": "none",
            "search_space": {RATE: {"choices": list(learning_rates)}},
        },
    }


def run(settings: Mapping[str, Any], root: Path, words: Sequence[str]) -> Found:
    """Run the search in a folder of its own under `root`, with these words for `hpo worker`."""
    folder = Path(tempfile.mkdtemp(dir=root, prefix="run-"))
    (folder / "search.yaml").write_text(json.dumps(settings), encoding="utf-8")
    url = f"sqlite:///{folder / 'hpo.db'}"
    worker = [sys.executable, "-m", "hpo", "worker", "--study", "s", "--config", "search.yaml"]
    ended = subprocess.run(  # noqa: S603 - our own command
        [*worker, "--output", "outputs", *words],
        cwd=folder,
        env=os.environ | {"HPO_STORAGE": url, "WANDB_MODE": "disabled"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise SystemExit(f"hpo worker {' '.join(words)} failed:\n{ended.stdout[-2000:]}")
    with connect(StorageURL.parse(url)) as database:
        trials = optuna.load_study(study_name="s", storage=database.storage).get_trials()
    said = [
        line for line in ended.stdout.splitlines() if line.startswith(("MPS:", "per-gpu auto:"))
    ]
    return found(trials, tuple(said))


def found(trials: Sequence[FrozenTrial], said: tuple[str, ...] = ()) -> Found:
    """Return trials an hour from the first one's start to the last one's end, and their values.

    So the workers' start is left out: a search is long.
    """
    wrong = [trial.number for trial in trials if trial.state is not TrialState.COMPLETE]
    if wrong:
        raise SystemExit(f"trials {wrong} did not complete: there is nothing to compare")
    starts = [trial.datetime_start for trial in trials if trial.datetime_start is not None]
    ends = [trial.datetime_complete for trial in trials if trial.datetime_complete is not None]
    seconds = (max(ends) - min(starts)).total_seconds()
    values = {trial.params[RATE]: float(trial.value or 0.0) for trial in trials}
    return Found(len(trials) / seconds * HOUR_S, values, said)
