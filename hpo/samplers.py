"""Samplers by name, each wrapped so that no set of parameters is tried twice.

Every worker draws from a seed of its own, derived from general.seed: the same seed in all of
them would give all of them the same first trials.
"""

import hashlib
import warnings

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    QMCSampler,
    RandomSampler,
)
from optuna.study import Study
from optuna.trial import FrozenTrial
from typing_extensions import override

from config.samplers import GP, QMC, TPE, CmaEs, CurveTPE, Grid, Queued, Random, Sampler
from config.schema import Configuration
from config.space import CategoricalEntry, SearchSpace, combinations
from hpo.curve_tpe import CurveTPESampler
from hpo.distinct import DistinctSampler
from hpo.errors import SearchRefused
from hpo.incremental_tpe import IncrementalTPESampler
from hpo.suggest import distributions


class WholeSpaceQMCSampler(QMCSampler):
    """Walks one sequence through the whole configured space, conditional parameters included.

    Optuna's takes the space from the first trial: that one is random, and parameters it did not
    have are random ever after. A coordinate whose parameter is not active is left unused.
    """

    def __init__(self, options: QMC, space: SearchSpace, *, seed: int) -> None:
        super().__init__(qmc_type=options.qmc_type, scramble=options.scramble, seed=seed)
        self._space = {n: dist for n, dist in distributions(space).items() if not dist.single()}

    @override
    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        del study, trial
        return dict(self._space)


def make_sampler(config: Configuration, *, worker_seed: int | str) -> DistinctSampler:
    """The configured sampler, seeded for one worker."""
    options, space = config.optuna.sampler, config.optuna.search_space
    seed = derive_seed(config.general.seed, worker_seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # asked for by name, so wanted
        inner = _make_inner(options, space, seed=seed, shared_seed=config.general.seed)
    return DistinctSampler(inner, space, seed=seed)


def check_sampler(config: Configuration) -> None:
    """Refuse a sampler that cannot search this space (SearchRefused).

    What can be told without Optuna, such as a grid over an endless range, config.space.check says.
    """
    space = config.optuna.search_space
    if isinstance(config.optuna.sampler, CmaEs) and space and not _numeric(space):
        raise SearchRefused(
            "optuna.sampler cmaes varies numbers, and every entry of the search space is a list"
            " of choices; use tpe, or give an entry a range"
        )


def needs_lock(config: Configuration) -> bool:
    """Whether two workers may draw the same set when they draw at the same moment.

    Then a worker holds a lock of the study from before it draws until the parameters are stored.
    """
    finite = combinations(config.optuna.search_space) is not None
    # All qmc workers walk along one sequence, and Optuna's counter of it is not atomic.
    return finite or isinstance(config.optuna.sampler, QMC)


def derive_seed(seed: int, worker_seed: int | str) -> int:
    """A worker's seed, 0 to 2**32 - 1; the same for the same pair, on any machine."""
    digest = hashlib.sha256(f"{seed}:{worker_seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _make_inner(
    options: Sampler, space: SearchSpace, *, seed: int, shared_seed: int
) -> BaseSampler:
    if isinstance(options, TPE):
        return _make_tpe(options, space, seed=seed)
    if isinstance(options, CurveTPE):
        return CurveTPESampler(
            seed=seed,
            n_startup_trials=options.n_startup_trials,
            n_ei_candidates=options.n_ei_candidates,
            group=_conditional(space),
        )
    if isinstance(options, Random | Grid | Queued):
        # Random draws without repetition go through a finite space exactly once, under any
        # number of workers; Optuna's GridSampler repeats points that are still running, does
        # not know conditions, and ends the study through Study.stop, which raises in ask/tell.
        # A queued trial has its parameters already.
        return RandomSampler(seed=seed)
    if isinstance(options, GP):
        return GPSampler(
            seed=seed,
            n_startup_trials=options.n_startup_trials,
            deterministic_objective=options.deterministic_objective,
            warn_independent_sampling=False,
        )
    if isinstance(options, CmaEs):
        return _make_cmaes(options, seed=seed)
    return WholeSpaceQMCSampler(options, space, seed=shared_seed)  # one sequence for all workers


def _make_tpe(options: TPE, space: SearchSpace, *, seed: int) -> IncrementalTPESampler:
    return IncrementalTPESampler(
        seed=seed,
        n_startup_trials=options.n_startup_trials,
        n_ei_candidates=options.n_ei_candidates,
        multivariate=options.multivariate,
        # Without groups, parameters that only some trials have are never modelled together.
        group=options.group or (options.multivariate and _conditional(space)),
        constant_liar=options.constant_liar,
    )


def _make_cmaes(options: CmaEs, *, seed: int) -> CmaEsSampler:
    # Loads SciPy's statistics: a tenth of a worker's start, for one sampler.
    from hpo.cma_state import UnpickledCmaEsSampler  # noqa: PLC0415

    return UnpickledCmaEsSampler(
        seed=seed,
        n_startup_trials=options.n_startup_trials,
        popsize=options.popsize,
        consider_pruned_trials=options.consider_pruned_trials,
        use_separable_cma=options.use_separable_cma,
        with_margin=options.with_margin,
        warn_independent_sampling=False,
    )


def _conditional(space: SearchSpace) -> bool:
    return any(entry.when for entry in space.values())


def _numeric(space: SearchSpace) -> bool:
    return any(not isinstance(entry, CategoricalEntry) for entry in space.values())
