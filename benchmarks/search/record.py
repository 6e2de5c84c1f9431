"""Write a study's learning curves to a file that the benchmark reads.

The study is one of `hpo worker` with the random sampler and no pruner. Trainings of one
configuration under several seeds are those of `hpo train --seed`:

    python -m benchmarks.search.record sqlite:///hpo.db curves --reruns */scores.json >sample.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from hpo.trial_record import INFEASIBLE

DIGITS = 5  # of scores; their noise is a hundred times as large


def recorded(
    trials: Sequence[FrozenTrial], *, name: str, reruns: Sequence[Sequence[float]] = ()
) -> dict[str, Any]:
    """The finished and the diverged trials as they are kept, and the scores of the reruns."""
    finished = [t for t in trials if t.state is TrialState.COMPLETE]
    diverged = [t for t in trials if t.state is TrialState.PRUNED and INFEASIBLE in t.user_attrs]
    first = finished[0]
    return {
        "name": name,
        "space": {field: _entry(dist) for field, dist in first.distributions.items()},
        "epochs": len(first.intermediate_values),
        "trials": [
            *(_trial(trial, diverged=False) for trial in finished),
            *(_trial(trial, diverged=True) for trial in diverged),
        ],
        "reruns": [[round(score, DIGITS) for score in scores] for scores in reruns],
    }


def _trial(trial: FrozenTrial, *, diverged: bool) -> dict[str, Any]:
    return {
        "params": {n: _rounded(value) for n, value in trial.params.items()},
        "scores": _scores(trial),
        "diverged": diverged,
    }


def _scores(trial: FrozenTrial) -> list[float]:
    curve = trial.intermediate_values
    return [round(curve[step], DIGITS) for step in sorted(curve)]


def _entry(dist: BaseDistribution) -> dict[str, Any]:
    if isinstance(dist, CategoricalDistribution):
        return {"type": "categorical", "choices": list(dist.choices)}
    if isinstance(dist, FloatDistribution):
        return {"type": "float", "low": dist.low, "high": dist.high, "log": dist.log}
    raise TypeError(f"no entry for {dist!r}; record a study of ranges of numbers and of choices")


def _rounded(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _rerun(path: Path) -> list[float]:
    scores = json.loads(path.read_text("utf-8"))
    return [one[scores["metric"]] for one in scores["evaluations"]]


def _one_a_line(value: object) -> str:
    """JSON in which each part of a list has a line of its own, for readable differences."""
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(json.dumps, value)) + "\n]"
    return json.dumps(value)


def main() -> None:
    """Print the curves as JSON, a trial a line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.record", description=__doc__)
    parser.add_argument("storage", help="the database's URL")
    parser.add_argument("study", help="the study's name")
    parser.add_argument("--reruns", nargs="*", default=(), type=Path, help="files scores.json")
    given = parser.parse_args()
    trials = optuna.load_study(study_name=given.study, storage=given.storage).trials
    kept = recorded(trials, name=given.study, reruns=list(map(_rerun, given.reruns)))
    fields = (f'"{name}": {_one_a_line(value)}' for name, value in kept.items())
    sys.stdout.write("{\n" + ",\n".join(fields) + "\n}\n")


if __name__ == "__main__":
    main()
