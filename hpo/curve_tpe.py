"""TPE that takes every curve for what it promises: of finished, pruned and running trials.

Optuna's ranks a pruned trial behind every completed one, among the pruned the longer before the
better, and counts all that run as bad. Here each trial that has reported has one expected score
(hpo.curve_scores), and counts among the good as far as it is likely to be one of them. What runs
and has shown nothing yet counts among the bad, and so does what is infeasible; only where there are
fewer trials with a score than good ones do the least infeasible take the places that are left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator
from optuna.samplers._tpe.sampler import default_gamma
from optuna.storages import BaseStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from hpo.curve_scores import Expected, Floats, Wholes, chance_among_best, expected
from hpo.curve_table import Curves, FinishedTrials, column, curves
from hpo.parzen_draw import ParzenSampler, Space

MOST_KERNELS = 1000
"""Of more trials than that, an even selection shows as well where the bad ones lie."""

NEGLIGIBLE = 0.05
"""A smaller chance to be among the good, or among the bad, is none."""

LEARNT_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class _View:
    """What a draw goes by, a row a trial in order of their numbers."""

    curves: Curves
    columns: Mapping[str, Floats]

    @property
    def known(self) -> Wholes:
        """Rows of which a score can be expected."""
        return np.flatnonzero((self.curves.reached > 0) | ~np.isnan(self.curves.final))

    def observations(self, rows: Wholes) -> dict[str, Floats]:
        """The rows' parameters as a Parzen estimator takes them."""
        return {name: values[rows] for name, values in self.columns.items()}


class CurveTPESampler(ParzenSampler):
    """Multivariate TPE over expected scores; `group` as in TPESampler, for one objective."""

    def __init__(
        self, *, seed: int, n_startup_trials: int, n_ei_candidates: int, group: bool
    ) -> None:
        super().__init__(
            seed=seed,
            n_startup_trials=n_startup_trials,
            n_ei_candidates=n_ei_candidates,
            multivariate=True,
            group=group,
            constant_liar=True,
        )
        self._finished: dict[tuple[BaseStorage, int], FinishedTrials] = {}  # by the study

    @override
    def _sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: Space
    ) -> dict[str, Any]:
        if search_space == {} or not self._begun(study, trial):
            return {}
        return self._sample(study, trial, search_space)

    @override
    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        if not self._begun(study, trial):
            return self._random_sampler.sample_independent(
                study, trial, param_name, param_distribution
            )
        return self._sample(study, trial, {param_name: param_distribution})[param_name]

    @override
    def _sample(self, study: Study, trial: FrozenTrial, search_space: Space) -> dict[str, Any]:
        view = self._view(study, trial, search_space)
        good, bad = _weights(view.curves, view.known)
        have = np.all([~np.isnan(values) for values in view.columns.values()], axis=0)
        below = self._estimator(view, np.where(have, good, 0), search_space)
        above = self._estimator(view, np.where(have, bad, 0), search_space)
        return self._drawn(below, above, search_space)

    def _begun(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether enough trials have shown something; before that, draws are random."""
        shown = sum(
            each.state in LEARNT_FROM
            or (each.state == TrialState.RUNNING and bool(each.intermediate_values))
            for each in _trials(study)
            if each.number != trial.number
        )
        return shown >= self._n_startup_trials

    def _view(self, study: Study, trial: FrozenTrial, space: Space) -> _View:
        sign = 1.0 if study.direction == StudyDirection.MAXIMIZE else -1.0
        key = (study._storage, study._study_id)  # noqa: SLF001 - has no public name
        finished = self._finished.setdefault(key, FinishedTrials(sign=sign))
        trials = _trials(study)
        finished.add([each for each in trials if each.state in LEARNT_FROM])
        running = [
            each
            for each in trials
            if each.state == TrialState.RUNNING and each.number != trial.number
        ]
        table = finished.curves.joined(curves(running, sign=sign))
        order = np.argsort(table.numbers)
        params = [self._get_params(each, study) for each in running]
        columns = {
            name: np.concatenate([finished.column(name, dist), column(params, name, dist)])[order]
            for name, dist in space.items()
        }
        return _View(table.taken(order), columns)

    def _estimator(self, view: _View, weights: Floats, space: Space) -> _ParzenEstimator:
        rows = np.flatnonzero(weights)
        if len(rows) > MOST_KERNELS:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_KERNELS).astype(int)]
        return _ParzenEstimator(
            view.observations(rows), space, self._parzen_estimator_parameters, weights[rows]
        )


def _weights(table: Curves, known: Wholes) -> tuple[Floats, Floats]:
    """How far each trial counts among the good and among the bad."""
    good = np.zeros(len(table.numbers))
    # Were the rest counted too, more of the few with a score would be good: with 64 workers all.
    places = default_gamma(len(known) + int(np.count_nonzero(table.violation)))
    if len(known):
        shown = table.taken(known)
        guess = expected(shown.best, shown.reached, shown.final)
        good[known] = chance_among_best(guess, places)
    _fill(good, table.violation, places - len(known))
    bad = 1 - good
    return np.where(good < NEGLIGIBLE, 0, good), np.where(bad < NEGLIGIBLE, 0, bad)


def _fill(good: Floats, violation: Floats, places: int) -> None:
    """Give the places that nobody with a score takes to the least infeasible.

    Whoever is as infeasible as any gets none: where all are alike, none leads anywhere.
    """
    less = np.flatnonzero((violation > 0) & (violation < violation.max(initial=0)))
    if places > 0 and len(less):
        known = Expected(-violation[less], np.zeros(len(less)))
        good[less] = chance_among_best(known, places)


def _trials(study: Study) -> list[FrozenTrial]:
    # From the storage: under Hyperband the study given to a sampler shows one bracket only.
    return study._storage.get_all_trials(study._study_id, deepcopy=False)  # noqa: SLF001
