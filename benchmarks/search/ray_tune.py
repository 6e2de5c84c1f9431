"""Ray Tune's ASHA with its OptunaSearch, driven without a cluster.

Tune itself cannot run in virtual time: its controller waits for real trials. Its scheduler and its
searcher are asked and told here in the controller's order; a diverged trial is one with an error.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
from optuna.samplers import TPESampler
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.search.curves import Task
from benchmarks.search.nearest import NearestRecorded
from benchmarks.search.replay import drawn
from hpo.suggest import distributions

METRIC = "score"


class RayMethod:
    """ASHA at its defaults with max_t given; `search` False takes the seed's random draw."""

    def __init__(self, task: Task, *, search: bool, seed: int) -> None:
        np.random.seed(seed)  # noqa: NPY002 - the scheduler draws from it
        self._nearest = NearestRecorded(TPESampler(seed=seed), task)
        self._order: Iterator[int] | None = None if search else iter(drawn(task, seed))
        self._scheduler = AsyncHyperBandScheduler(metric=METRIC, mode="max", max_t=task.epochs)
        self._searcher = OptunaSearch(
            distributions(task.space), metric=METRIC, mode="max", sampler=self._nearest
        )
        self._results: list[dict[str, Any]] = []

    def ask(self) -> tuple[int, int]:
        """Begin a trial with the parameters of a recorded configuration."""
        trial = len(self._results)
        self._results.append({})
        if self._order is None:
            number = self._nearest.number_of(self._searcher.suggest(str(trial)))
        else:
            number = next(self._order)
        self._scheduler.on_trial_add(None, _stub(trial))
        return trial, number

    def report(self, trial: int, step: int, score: float) -> bool:
        """Pass the result to the scheduler, and to the searcher unless it stops the trial."""
        result = {METRIC: score, "training_iteration": step}
        self._results[trial] = result
        action = self._scheduler.on_trial_result(None, _stub(trial), result)
        stop = bool(action == TrialScheduler.STOP)
        if self._order is None and not stop:
            self._searcher.on_trial_result(str(trial), result)
        return stop

    def end(self, trial: int, value: float | None, *, diverged: bool) -> None:
        """Tell both of the last result; Tune takes the last for a trial's value by default."""
        del value
        if diverged:
            self._scheduler.on_trial_error(None, _stub(trial))
        else:
            self._scheduler.on_trial_complete(None, _stub(trial), self._results[trial])
        if self._order is None:
            result = None if diverged else self._results[trial]
            self._searcher.on_trial_complete(str(trial), result=result, error=diverged)


def _stub(trial: int) -> SimpleNamespace:
    return SimpleNamespace(trial_id=str(trial))
