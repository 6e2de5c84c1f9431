"""Proposals become the nearest recorded configuration not yet used: the limit of the method.

The sampler learns from what was really tried: the trial's parameters are the recorded ones. A
proposal is seldom recorded, so a table of 1,000 rows blunts every sampler, the more the finer it
aims; what one gains here is less than it would gain on the real space.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from benchmarks.search.curves import Task
from config.space import CategoricalEntry
from hpo.suggest import distributions


class Table:
    """The task's configurations, each given out once.

    Near in the ranks of each parameter's values, evenly spread from 0 to 1; two different choices
    of a list are 1 apart.
    """

    def __init__(self, task: Task) -> None:
        self._task = task
        self._columns = {name: _Column(task, name) for name in task.space}
        self._used = np.zeros(len(task.curves), dtype=bool)

    def take(self, proposal: Mapping[str, Any]) -> int:
        """The number of the nearest configuration that is left."""
        distance = np.sum([c.squared(proposal[name]) for name, c in self._columns.items()], axis=0)
        number = int(np.argmin(np.where(self._used, np.inf, distance)))
        self._used[number] = True
        return number


class NearestRecorded(BaseSampler):
    """Wraps `inner`; each proposal becomes the nearest unused configuration of the task."""

    def __init__(self, inner: BaseSampler, task: Task) -> None:
        self._inner = inner
        self._task = task
        self._distributions = distributions(task.space)
        self._table = Table(task)
        self._numbers = {_key(curve.params): n for n, curve in enumerate(task.curves)}

    def number_of(self, params: Mapping[str, object]) -> int:
        """The number of the curve with exactly these parameters."""
        return self._numbers[_key(params)]

    @override
    def reseed_rng(self) -> None:
        self._inner.reseed_rng()

    @override
    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner.before_trial(study, trial)

    @override
    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self._inner.after_trial(study, trial, state, values)

    @override
    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._distributions)

    @override
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        inner_space = self._inner.infer_relative_search_space(study, trial)
        proposal = dict(self._inner.sample_relative(study, trial, inner_space))
        for name, dist in self._distributions.items():
            if name not in proposal:
                proposal[name] = self._inner.sample_independent(study, trial, name, dist)
        return dict(self._task.curves[self._table.take(proposal)].params)

    @override
    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)


class _Column:
    """The values that one parameter has in the table."""

    def __init__(self, task: Task, name: str) -> None:
        self._listed = isinstance(task.space[name], CategoricalEntry)
        self._values: list[Any] = [curve.params[name] for curve in task.curves]
        if not self._listed:
            self._sorted = np.sort(np.array(self._values, dtype=float))
            self._ranks = self._rank(np.array(self._values, dtype=float))

    def squared(self, value: Any) -> NDArray[np.float64]:
        """How far each row is from the value, squared."""
        if self._listed:
            return np.array([float(one != value) for one in self._values])
        squared: NDArray[np.float64] = (self._ranks - self._rank(np.array(value, dtype=float))) ** 2
        return squared

    def _rank(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        places = np.linspace(0, 1, len(self._sorted))
        rank: NDArray[np.float64] = np.interp(values, self._sorted, places)
        return rank


def _key(params: Mapping[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple(sorted(params.items()))
