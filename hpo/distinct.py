"""A sampler that never tries the same settings twice.

It asks the sampler it wraps for a whole set of parameters, conditional ones included, and asks
again when a trial of the study has that set already. Where that does not help, the untried set
nearest to its proposal is taken, as far as lists of values go: a condition may leave few sets on
one side of an endless space. With no set of a finite space left SpaceExhausted is raised. Two
workers that draw at once can only be kept apart by a lock around draw and store: see
hpo.samplers.needs_lock.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from config.space import SearchSpace, combinations, is_active, ordered
from hpo.errors import SpaceExhausted
from hpo.neighbours import neighbours, values_of
from hpo.suggest import distributions, fixed_params, holds
from hpo.tried_sets import Key, TriedSets

REDRAWS = 10
"""How often the wrapped sampler is asked again; each is a full draw, 0.05 s at 10,000 trials."""


class DistinctSampler(BaseSampler):
    """Wraps `inner`; all parameters of `space` are drawn together, once a trial.

    Parameters that a trial has stored already or was queued with stay as they are; a trial
    that has all of them is never compared with others. With an empty space nothing is compared.
    """

    def __init__(self, inner: BaseSampler, space: SearchSpace, *, seed: int) -> None:
        self._inner = inner
        self._space = space
        self._size = combinations(space)
        self._distributions = distributions(space)
        self._tried = TriedSets(space)
        self._rng = random.Random(seed)

    @property
    def inner(self) -> BaseSampler:
        """The sampler that draws."""
        return self._inner

    @override
    def reseed_rng(self) -> None:
        self._rng.seed()
        self._inner.reseed_rng()

    @override
    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        # Study.ask drops this per-thread copy of the trials; a worker that builds its Trial from
        # a leased id never calls ask, and would sample from what it saw one trial ago.
        study._thread_local.cached_all_trials = None  # noqa: SLF001
        self._inner.before_trial(study, trial)

    @override
    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._inner.after_trial(study, trial, state, values)

    @override
    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        if not self._space:
            return self._inner.infer_relative_search_space(study, trial)
        return dict(self._distributions)

    @override
    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not self._space:
            return self._inner.sample_relative(study, trial, search_space)
        known = {**fixed_params(trial.system_attrs), **trial.params}
        known = {name: value for name, value in known.items() if name in self._space}
        tried = self._tried.of(study, but=trial.number)
        proposal = self._draw(study, trial, known)
        for _ in range(REDRAWS):
            key = self._tried.key(proposal)
            if key not in tried:
                return proposal
            proposal = self._draw(study, trial, known)
            if self._size is not None and self._tried.key(proposal) == key:
                break  # it has settled on this set; asking on would be as vain as it is slow
        if self._tried.key(proposal) not in tried:
            return proposal
        endless = {
            name: proposal[name] if name in proposal else self._drawn_alone(study, trial, name)
            for name, entry in self._space.items()
            if entry.size is None
        }
        return self._nearest_untried(proposal, {**endless, **known}, tried)

    @override
    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def _drawn_alone(self, study: Study, trial: FrozenTrial, name: str) -> object:
        return self._inner.sample_independent(study, trial, name, self._distributions[name])

    def _draw(
        self, study: Study, trial: FrozenTrial, known: Mapping[str, object]
    ) -> dict[str, object]:
        inner_space = self._inner.infer_relative_search_space(study, trial)
        relative = self._inner.sample_relative(study, trial, inner_space)
        values: dict[str, object] = {}
        for name, entry in ordered(self._space):
            if not is_active(entry, values):
                continue
            if name in known:
                values[name] = known[name]
            elif name in relative and holds(self._distributions[name], relative[name]):
                values[name] = relative[name]
            else:
                values[name] = self._drawn_alone(study, trial, name)
        return values

    def _nearest_untried(
        self, proposal: Mapping[str, object], fixed: Mapping[str, object], tried: set[Key]
    ) -> dict[str, object]:
        grid = {
            name: [fixed[name]] if name in fixed else values_of(dist)
            for name, dist in self._distributions.items()
        }
        for candidate in neighbours(proposal, grid, self._rng):
            active = self._tried.active(candidate)
            if self._tried.key(active) not in tried:
                return active
        if fixed:
            # What was asked for by name is run, tried before or not; an endless space has no end.
            return dict(proposal)
        raise SpaceExhausted(
            f"each combination of the search space has been tried ({self._size} in all);"
            " lower optuna.n_trials or widen optuna.search_space"
        )
