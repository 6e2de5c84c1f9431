"""The end of a TPE draw, which both of our samplers share: from two densities to parameters."""

from typing import Any, TypeAlias

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator

Space: TypeAlias = dict[str, BaseDistribution]


class ParzenSampler(TPESampler):
    """TPESampler that is given its densities."""

    def _drawn(
        self, below: _ParzenEstimator, above: _ParzenEstimator, space: Space
    ) -> dict[str, Any]:
        """The candidate of `below`, the good trials' density, that stands out most from `above`."""
        candidates = below.sample(self._rng.rng, self._n_ei_candidates)
        promise = self._compute_acquisition_func(candidates, below, above)
        best = self._compare(candidates, promise)
        return {name: dist.to_external_repr(best[name]) for name, dist in space.items()}
