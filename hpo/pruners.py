"""Pruners by name; steps and resources count evaluations, max_resource is always explicit.

With max_resource "auto" each process freezes the first value it sees, and workers then disagree
on the bracket of the same trial.
"""

import warnings
from dataclasses import dataclass

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
)
from optuna.study import Study
from optuna.trial import FrozenTrial
from typing_extensions import override

from config.counting import counted
from config.pruners import (
    Extrapolation,
    Hyperband,
    Median,
    MedianHyperband,
    NoPruner,
    Patient,
    Percentile,
    Pruner,
    SuccessiveHalving,
)
from config.schema import Configuration
from config.space import max_evaluations
from config.space_size import EPOCHS
from hpo.errors import SearchRefused
from hpo.extrapolation_pruner import LEAST_EVALUATIONS, ExtrapolationPruner
from hpo.own_trials import OwnTrials


class EagerHyperbandPruner(HyperbandPruner):
    """Hyperband that knows every trial's bracket from the start.

    Optuna's sets its brackets up in the first prune(); until then each process takes every
    trial for one of bracket 0. Steps count from 1, and `max_resource` is the last of them.
    """

    def __init__(
        self, *, min_resource: int, max_resource: int, reduction_factor: int, bootstrap_count: int
    ) -> None:
        super().__init__(min_resource, max_resource, reduction_factor, bootstrap_count)
        # The study is only asked for max_resource="auto".
        self._try_initialization(None)  # type: ignore[arg-type]

    @property
    def brackets(self) -> tuple[SuccessiveHalvingPruner, ...]:
        """One successive halving for each bracket, in order."""
        return tuple(self._pruners)

    def bracket_of(self, study: Study, trial: FrozenTrial) -> int:
        """The trial's bracket; from the study's name and its number, so it never changes."""
        return self._get_bracket_id(study, trial)

    def bracket_study(self, study: Study, bracket: int) -> Study:
        """The study as the rule sees it: only the trials of one bracket."""
        return self._create_bracket_study(study, bracket)


class MedianHyperbandPruner(EagerHyperbandPruner):
    """Stops a trial when hyperband or the median rule says so.

    It is a HyperbandPruner, so that Optuna shows samplers the trial's bracket; the median is
    taken over the whole study.
    """

    def __init__(
        self,
        median: MedianPruner,
        *,
        min_resource: int,
        max_resource: int,
        reduction_factor: int,
        bootstrap_count: int,
    ) -> None:
        super().__init__(
            min_resource=min_resource,
            max_resource=max_resource,
            reduction_factor=reduction_factor,
            bootstrap_count=bootstrap_count,
        )
        self._median = median

    @property
    def median(self) -> MedianPruner:
        """The median rule."""
        return self._median

    @override
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        # Always first, and whatever the median says: it writes the rung that this trial has
        # reached, which the next rung and every other trial of the bracket are judged by.
        hyperband_stops = super().prune(study, trial)
        return self._median.prune(study, trial) or hyperband_stops


@dataclass(frozen=True)
class _LastStep:
    """The last evaluation of a trial, which may train for fewer epochs than others; `most` of all.

    A dataclass and no closure, so that a study can be pickled with its pruner.
    """

    fixed_epochs: int
    per_epoch: int
    most: int

    @classmethod
    def of(cls, config: Configuration) -> "_LastStep":
        training = config.training
        most = max_evaluations(config)
        return cls(training.num_train_epochs, training.evaluations_per_epoch, most)

    def __call__(self, trial: FrozenTrial) -> int:
        epochs = trial.params.get(EPOCHS, self.fixed_epochs)
        return epochs * self.per_epoch if isinstance(epochs, int) else self.most


def make_pruner(config: Configuration, own: OwnTrials | None = None) -> BasePruner:
    """The configured pruner; `own` are the trials that extrapolation goes by, None: all."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # asked for by name, so wanted
        return _make(config.optuna.pruner, _LastStep.of(config), own)


def check_pruner(config: Configuration) -> None:
    """Refuse successive halving whose first decision no trial can reach (SearchRefused).

    Hyperband's first decision is checked by config.space.check.
    """
    options = config.optuna.pruner
    inner = options.wrapped_pruner if isinstance(options, Patient) else options
    if not isinstance(inner, SuccessiveHalving) or not config.optuna.search_space:
        return
    first = _first_rung(inner)
    most = max_evaluations(config)
    if first > most:
        raise SearchRefused(
            "optuna.pruner successive_halving decides first after"
            f" {counted(first, 'evaluation')} and a trial has at most {most}; lower min_resource or"
            " min_early_stopping_rate, or train longer"
        )


def idle_pruner(config: Configuration) -> str | None:
    """Say that the configured pruner comes too late for every trial; None where it does not."""
    first, most = _first_decision(config.optuna.pruner), max_evaluations(config)
    if first is None or first < most or not config.optuna.search_space:
        return None  # after its last evaluation no trial is stopped
    return (
        f"no trial can be pruned, for {config.optuna.pruner.name} stops none before evaluation"
        f" {first} and the longest trial has {counted(most, 'evaluation')}; train longer,"
        " evaluate more often, or set optuna.pruner otherwise"
    )


def _first_decision(options: Pruner) -> int | None:
    """The first evaluation after which a trial may be stopped; None where that cannot be told."""
    match options:
        case Extrapolation():
            return max(options.n_warmup_steps, LEAST_EVALUATIONS)
        case MedianHyperband():
            return min(options.min_resource, max(options.n_warmup_steps, 1))
        case Percentile() | Median():
            return max(options.n_warmup_steps, 1)
        case Hyperband():
            return options.min_resource
        case SuccessiveHalving():
            return _first_rung(options)
        case _:
            return None


def _first_rung(options: SuccessiveHalving) -> int:
    first: int = options.min_resource * options.reduction_factor**options.min_early_stopping_rate
    return first


def _make(options: Pruner, last_step: _LastStep, own: OwnTrials | None) -> BasePruner:
    if isinstance(options, NoPruner):
        return NopPruner()
    if isinstance(options, Extrapolation):
        return ExtrapolationPruner(
            last_step,
            n_warmup_steps=options.n_warmup_steps,
            standard_errors=options.standard_errors,
            own=own,
        )
    if isinstance(options, Patient):
        wrapped = options.wrapped_pruner
        inner = None if wrapped is None else _make(wrapped, last_step, own)
        return PatientPruner(inner, options.patience, options.min_delta)
    if isinstance(options, SuccessiveHalving | Hyperband | MedianHyperband):
        return _make_halving(options, max_resource=last_step.most)
    if isinstance(options, Percentile):
        return PercentilePruner(
            options.percentile,
            options.n_startup_trials,
            options.n_warmup_steps,
            options.interval_steps,
            n_min_trials=options.n_min_trials,
        )
    return _median(options)


def _make_halving(
    options: SuccessiveHalving | Hyperband | MedianHyperband, *, max_resource: int
) -> BasePruner:
    resources = {
        "min_resource": options.min_resource,
        "reduction_factor": options.reduction_factor,
        "bootstrap_count": options.bootstrap_count,
    }
    if isinstance(options, SuccessiveHalving):
        rate = options.min_early_stopping_rate
        return SuccessiveHalvingPruner(**resources, min_early_stopping_rate=rate)
    if isinstance(options, Hyperband):
        return EagerHyperbandPruner(**resources, max_resource=max_resource)
    return MedianHyperbandPruner(_median(options), **resources, max_resource=max_resource)


def _median(options: Median | MedianHyperband) -> MedianPruner:
    return MedianPruner(
        options.n_startup_trials,
        options.n_warmup_steps,
        options.interval_steps,
        n_min_trials=options.n_min_trials,
    )
