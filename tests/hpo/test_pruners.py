"""Pruners by name, and what Hyperband must keep when it is combined or shared by workers."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    _filter_study,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from config.schema import Configuration
from hpo.errors import SearchRefused
from hpo.extrapolation_pruner import ExtrapolationPruner
from hpo.prune_reasons import decide
from hpo.pruners import (
    EagerHyperbandPruner,
    MedianHyperbandPruner,
    check_pruner,
    idle_pruner,
    make_pruner,
)

Configured = Callable[..., Configuration]

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
SPACE = {LR: {"low": 1e-5, "high": 5e-4, "log": True}, EPOCHS: {"low": 3, "high": 27, "step": 3}}
BOTH = {"name": "median+hyperband", "min_resource": 1, "n_startup_trials": 2, "n_warmup_steps": 0}


def _study(pruner: BasePruner, name: str = "s", storage: Any = None) -> Study:
    return optuna.create_study(
        direction="maximize",
        study_name=name,
        storage=storage,
        load_if_exists=True,
        pruner=pruner,
        sampler=optuna.samplers.RandomSampler(seed=0),
    )


def _made(configured: Configured, **pruner: object) -> Any:
    return make_pruner(configured(SPACE, pruner=pruner))


def _train(study: Study, curve: Sequence[float]) -> FrozenTrial:
    """Report the curve as far as the pruner lets it, and tell the study."""
    trial = study.ask()
    for step, value in enumerate(curve, start=1):
        trial.report(value, step)
        if trial.should_prune():
            return study.tell(trial, state=TrialState.PRUNED)
    return study.tell(trial, max(curve))


def _add_complete(study: Study, values: Sequence[float]) -> None:
    for value in values:
        curve = dict.fromkeys(range(1, 28), value)
        study.add_trial(create_trial(value=value, intermediate_values=curve))


def _curve(quality: float, length: int = 27) -> list[float]:
    return [quality * (1 - math.exp(-step / 8)) for step in range(1, length + 1)]


def test_each_name_is_the_pruner_optuna_calls_so(configured: Configured) -> None:
    kinds = {
        "extrapolation": ExtrapolationPruner,
        "median": MedianPruner,
        "percentile": PercentilePruner,
        "hyperband": HyperbandPruner,
        "median+hyperband": HyperbandPruner,
        "successive_halving": SuccessiveHalvingPruner,
        "patient": PatientPruner,
        "none": NopPruner,
    }
    for name, kind in kinds.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert isinstance(_made(configured, name=name), kind)


def test_options_reach_the_median(configured: Configured) -> None:
    options = {"n_startup_trials": 3, "n_warmup_steps": 4, "interval_steps": 2, "n_min_trials": 5}
    for made in (
        _made(configured, name="median", **options),
        _made(configured, name="percentile", percentile=25.0, **options),
        _made(configured, name="median+hyperband", **options).median,
    ):
        assert (made._n_startup_trials, made._n_warmup_steps) == (3, 4)
        assert (made._interval_steps, made._n_min_trials) == (2, 5)
    assert _made(configured, name="percentile", percentile=25.0)._percentile == 25.0
    assert _made(configured, name="median")._percentile == 50.0


def test_extrapolation_ends_where_the_trials_own_training_does(configured: Configured) -> None:
    made = _made(configured, name="extrapolation", n_warmup_steps=4, standard_errors=2)
    assert (made._n_warmup_steps, made._standard_errors) == (4, 2.0)
    config = configured({LR: SPACE[LR]}, pruner={"name": "extrapolation"})
    twice = config.training.model_copy(update={"num_train_epochs": 5, "evaluations_per_epoch": 2})
    fixed: Any = make_pruner(config.model_copy(update={"training": twice}))
    ours = create_trial(
        value=0.1, params={EPOCHS: 9}, distributions={EPOCHS: IntDistribution(3, 27)}
    )
    assert made._last_step(ours) == 9
    assert fixed._last_step(create_trial(value=0.1)) == 10


def test_options_reach_successive_halving(configured: Configured) -> None:
    resources = {"min_resource": 2, "reduction_factor": 4, "bootstrap_count": 3}
    made = _made(configured, name="successive_halving", min_early_stopping_rate=1, **resources)
    assert (made._min_resource, made._reduction_factor) == (2, 4)
    assert (made._bootstrap_count, made._min_early_stopping_rate) == (3, 1)
    for name in ("hyperband", "median+hyperband"):
        hyperband = _made(configured, name=name, **resources)
        assert (hyperband._min_resource, hyperband._reduction_factor) == (2, 4)
        assert hyperband._bootstrap_count == 3


def test_patience_wraps_another_pruner_or_none(configured: Configured) -> None:
    alone = _made(configured, name="patient", patience=4, min_delta=0.01)
    assert (alone._patience, alone._min_delta, alone._wrapped_pruner) == (4, 0.01, None)
    wrapped = _made(
        configured, name="patient", patience=1, wrapped_pruner={"name": "hyperband"}
    )._wrapped_pruner
    assert isinstance(wrapped, EagerHyperbandPruner)


def test_the_most_evaluations_of_the_space_are_the_largest_resource(
    configured: Configured,
) -> None:
    for name in ("hyperband", "median+hyperband"):
        made = _made(configured, name=name, min_resource=1)
        assert made._max_resource == 27
        assert len(made.brackets) == 4  # 27 = 3**3


def test_brackets_are_known_before_the_first_decision(configured: Configured) -> None:
    """Optuna's own takes every trial for one of bracket 0 until its first prune()."""
    eager = _made(configured, name="hyperband", min_resource=1)
    lazy = HyperbandPruner(min_resource=1, max_resource=27, reduction_factor=3)
    study = _study(eager)
    trials = [study.ask() for _ in range(40)]
    frozen = study.get_trials(deepcopy=False)
    brackets = [eager.bracket_of(study, trial) for trial in frozen]
    assert {lazy._get_bracket_id(study, trial) for trial in frozen} == {0}
    trials[0].report(0.1, 1)
    lazy.prune(study, study.get_trials(deepcopy=False)[0])
    assert [lazy._get_bracket_id(study, trial) for trial in frozen] == brackets
    assert set(brackets) == {0, 1, 2, 3}


def test_workers_agree_on_every_bracket(configured: Configured) -> None:
    one, other = (_made(configured, **BOTH) for _ in range(2))
    study = _study(one)
    for length in (3, 27, 9, 27):
        _train(study, _curve(0.5, length))
    trials = study.get_trials(deepcopy=False)
    assert [one.bracket_of(study, t) for t in trials] == [
        other.bracket_of(study, t) for t in trials
    ]


def test_samplers_are_shown_the_bracket_under_the_combination_too(configured: Configured) -> None:
    pruner = _made(configured, **BOTH)
    study = _study(pruner)
    for _ in range(30):
        study.ask()
    trials = study.get_trials(deepcopy=False)
    shown = _filter_study(study, trials[0]).get_trials(deepcopy=False)
    bracket = pruner.bracket_of(study, trials[0])
    expected = [t.number for t in trials if pruner.bracket_of(study, t) == bracket]
    assert [t.number for t in shown] == expected
    assert len(shown) < len(trials)


def test_rungs_are_noted_even_where_the_median_stops_the_trial(configured: Configured) -> None:
    """The next trials of the bracket are judged by them."""
    study = _study(_made(configured, **BOTH, reduction_factor=4))
    _add_complete(study, [0.5, 0.5, 0.5])
    first = study.ask()  # alone in its rung, so hyperband lets it pass
    first.report(0.1, 16)
    assert first.should_prune()
    verdict = decide(study, first)
    assert verdict is not None
    assert verdict.rule == "median"
    assert "completed_rung_0" in study.trials[first.number].system_attrs


def test_the_combination_stops_when_either_of_its_parts_does(configured: Configured) -> None:
    """The same trials in three studies of one name: hyperband, median, and both."""
    both = _made(configured, **BOTH)
    hyperband = HyperbandPruner(min_resource=1, max_resource=27, reduction_factor=3)
    median = MedianPruner(n_startup_trials=2, n_warmup_steps=0)
    studies = [_study(pruner) for pruner in (both, hyperband, median)]
    seen = set()
    for number in range(40):
        trials = [study.ask() for study in studies]
        curve = _curve(0.2 + 0.013 * (number * 7 % 23), 27)
        for step, value in enumerate(curve, start=1):
            for trial in trials:
                trial.report(value, step)
            stops = [trial.should_prune() for trial in trials]
            assert stops[0] == (stops[1] or stops[2])
            seen.add(tuple(stops))
            if stops[0]:
                break
        pruned = step < len(curve) or stops[0]
        for study, trial in zip(studies, trials, strict=True):
            if pruned:
                study.tell(trial, state=TrialState.PRUNED)
            else:
                study.tell(trial, max(curve))
    assert {(True, True, False), (True, False, True), (False, False, False)} <= seen


def test_the_median_is_taken_over_the_whole_study(configured: Configured) -> None:
    """Not over the bracket: complete trials of other brackets are enough for it."""
    pruner = _made(configured, **{**BOTH, "n_startup_trials": 8})
    study = _study(pruner)
    _add_complete(study, [0.5] * 8)
    trial = study.ask()
    bracket = pruner.bracket_of(study, study.trials[trial.number])
    same = [each for each in study.trials[:8] if pruner.bracket_of(study, each) == bracket]
    assert len(same) < 8
    trial.report(0.1, 1)
    verdict = decide(study, trial)
    assert verdict is not None
    assert "median" in (verdict.rule, *(other.rule for other in verdict.also))


def test_a_short_trial_is_judged_only_at_the_rungs_it_reaches(configured: Configured) -> None:
    """3 epochs of 27: brackets 0 and 1 begin at 1 and 3 epochs, the others never judge it."""
    pruner = _made(configured, name="hyperband", min_resource=1)
    study = _study(pruner)
    for number in range(30):
        _train(study, _curve(0.3 + 0.05 * (number % 4), 3))
    for trial in study.trials:
        bracket = pruner.bracket_of(study, trial)
        rungs = sum(key.startswith("completed_rung") for key in trial.system_attrs)
        assert rungs <= max(0, 2 - bracket)
        if bracket > 1:
            assert trial.state is TrialState.COMPLETE
    assert {pruner.bracket_of(study, trial) for trial in study.trials} == {0, 1, 2, 3}


def test_the_first_trials_of_a_study_are_not_stopped_by_the_median(configured: Configured) -> None:
    study = _study(_made(configured, name="median", n_startup_trials=3, n_warmup_steps=2))
    for quality in (0.9, 0.1, 0.05):
        assert _train(study, _curve(quality)).state is TrialState.COMPLETE
    stopped = _train(study, _curve(0.01))
    assert stopped.state is TrialState.PRUNED
    assert stopped.last_step == 2  # the first step after the warm-up


def test_the_first_trial_of_a_rung_passes_it(configured: Configured) -> None:
    study = _study(_made(configured, name="successive_halving", min_resource=1))
    assert _train(study, _curve(0.1)).state is TrialState.COMPLETE
    assert _train(study, _curve(0.05)).last_step == 1
    assert _train(study, _curve(0.2)).state is TrialState.COMPLETE


def test_without_a_pruner_nothing_stops(configured: Configured) -> None:
    study = _study(_made(configured, name="none"))
    for quality in (0.9, 0.5, 0.0, math.nan):
        trial = study.ask()
        for step in range(1, 10):
            trial.report(quality, step)
            assert not trial.should_prune()


def test_successive_halving_that_never_decides_is_refused(configured: Configured) -> None:
    pruner = {"name": "successive_halving", "min_resource": 9, "min_early_stopping_rate": 2}
    with pytest.raises(
        SearchRefused, match="first after 81 evaluations and a trial has at most 27"
    ):
        check_pruner(configured(SPACE, pruner=pruner))
    with pytest.raises(SearchRefused, match="lower min_resource"):
        check_pruner(configured(SPACE, pruner={"name": "patient", "wrapped_pruner": pruner}))
    check_pruner(configured(SPACE, pruner={**pruner, "min_early_stopping_rate": 1}))
    check_pruner(configured({}, pruner=pruner))
    check_pruner(configured(SPACE, pruner={"name": "patient"}))


def test_the_combination_is_a_hyperband_with_a_median(configured: Configured) -> None:
    made = _made(configured, **BOTH)
    assert isinstance(made, MedianHyperbandPruner)
    assert isinstance(made.median, MedianPruner)


@pytest.mark.parametrize(
    ("pruner", "least"),
    [
        ({"name": "extrapolation"}, 4),
        ({"name": "extrapolation", "n_warmup_steps": 5}, 6),
        ({"name": "median"}, 6),
        ({"name": "percentile", "n_warmup_steps": 0}, 2),
        ({"name": "hyperband", "min_resource": 3}, 4),
        ({"name": "median+hyperband", "min_resource": 3}, 4),
        ({"name": "successive_halving", "min_resource": 1, "min_early_stopping_rate": 1}, 4),
    ],
)
def test_a_pruner_that_comes_too_late_for_every_trial_is_told(
    configured: Configured, pruner: dict[str, object], least: int
) -> None:
    def told(epochs: int) -> str | None:
        return idle_pruner(configured({EPOCHS: {"low": 1, "high": epochs}}, pruner=pruner))

    assert told(least) is None
    assert f"stops none before evaluation {least - 1} and" in (told(least - 1) or "")


@pytest.mark.parametrize("pruner", ["none", {"name": "patient", "patience": 9}])
def test_nothing_is_told_of_a_pruner_that_counts_no_evaluations(
    configured: Configured, pruner: object
) -> None:
    assert idle_pruner(configured({EPOCHS: {"low": 1, "high": 2}}, pruner=pruner)) is None
