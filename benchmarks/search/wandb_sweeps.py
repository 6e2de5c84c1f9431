"""W&B's own algorithms, from its package `sweeps`: bayes, and hyperband early stopping.

They are the functions that W&B's server and its local controller call; here they are called after
every evaluation, which is oftener than either does.
"""

from collections.abc import Iterator
from typing import Any

import sweeps
from typing_extensions import override

from benchmarks.search.curves import Task
from benchmarks.search.nearest import Table
from benchmarks.search.replay import drawn
from config.space import CategoricalEntry, Entry

METRIC = "score"
EARLY_TERMINATE = {"type": "hyperband", "min_iter": 3}
"""As W&B's guide shows it; eta is 3 by default."""


class WandbMethod:
    """A sweep; `bayes` False goes through the seed's random draw instead of asking for settings."""

    def __init__(self, task: Task, *, bayes: bool, seed: int) -> None:
        self._task = task
        self._table = Table(task)
        self._order: Iterator[int] | None = None if bayes else iter(drawn(task, seed))
        self._runs: list[_Run] = []
        self._config = {
            "method": "bayes" if bayes else "random",
            "metric": {"name": METRIC, "goal": "maximize"},
            "early_terminate": EARLY_TERMINATE,
            "parameters": {name: _parameter(entry) for name, entry in task.space.items()},
        }

    def ask(self) -> tuple[int, int]:
        """Begin a run with the parameters of a recorded configuration."""
        number = self._propose() if self._order is None else next(self._order)
        config = {name: {"value": v} for name, v in self._task.curves[number].params.items()}
        self._runs.append(_Run(name=str(len(self._runs)), config=config, state="running"))
        return len(self._runs) - 1, number

    def report(self, trial: int, step: int, score: float) -> bool:
        """Log the score; whether the early stopping names this run."""
        del step  # W&B counts what is logged
        run = self._runs[trial]
        run.history.append({METRIC: score})
        run.summary_metrics = {METRIC: score}  # W&B keeps the last value
        stopped = sweeps.stop_runs(self._config, self._runs)
        return any(one is run for one in stopped)

    def end(self, trial: int, value: float | None, *, diverged: bool) -> None:
        """Set the run's state; a diverged one has crashed."""
        del value
        self._runs[trial].state = "failed" if diverged else "finished"

    def _propose(self) -> int:
        proposal = sweeps.next_run(self._config, self._runs)
        return self._table.take({name: one["value"] for name, one in proposal.config.items()})


class _Run(sweeps.SweepRun):  # type: ignore[misc]  # sweeps has no types
    """A run whose scores are known to be numbers: asking each one again takes half a minute."""

    @override
    def metric_history(self, metric_name: str, filter_invalid: bool = False) -> list[float]:
        return [one[metric_name] for one in self.history]


def _parameter(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, CategoricalEntry):
        return {"values": list(entry.choices)}
    kind = "log_uniform_values" if entry.log else "uniform"
    return {"distribution": kind, "min": entry.low, "max": entry.high}
