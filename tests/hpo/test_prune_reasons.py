"""Each stop has a reason that is true: the rule, the step, the value and what it had to reach."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    PatientPruner,
    PercentilePruner,
    SuccessiveHalvingPruner,
    ThresholdPruner,
)
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpo.prune_reasons import decide
from hpo.pruners import EagerHyperbandPruner, MedianHyperbandPruner
from hpo.verdict import Verdict, text
from storage.connect import connect
from storage.url import StorageURL

pytestmark = [
    pytest.mark.filterwarnings("ignore:PatientPruner is experimental"),
    pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning"),
]

RESOURCES = {"min_resource": 1, "max_resource": 9, "reduction_factor": 3, "bootstrap_count": 0}


def _both() -> MedianHyperbandPruner:
    return MedianHyperbandPruner(MedianPruner(2, 0), **RESOURCES)


def _hyperband() -> EagerHyperbandPruner:
    return EagerHyperbandPruner(**RESOURCES)


def _study(pruner: BasePruner, *complete: Sequence[float]) -> Study:
    """A study with these complete curves, steps from 1."""
    study = optuna.create_study(direction="maximize", study_name="s", pruner=pruner)
    for curve in complete:
        values = dict(enumerate(curve, start=1))
        study.add_trial(create_trial(value=max(curve), intermediate_values=values))
    return study


def _decide(study: Study, curve: Sequence[float], trial: Trial | None = None) -> Verdict | None:
    """Report a curve step by step up to the first stop; None when there is none."""
    trial = trial or study.ask()
    for step, value in enumerate(curve, start=1):
        trial.report(value, step)
        verdict = decide(study, trial)
        if verdict is not None:
            study.tell(trial, state=TrialState.PRUNED)
            return verdict
    study.tell(trial, np.nanmax(curve))
    return None


RULES: dict[str, Callable[[], BasePruner]] = {
    "median": lambda: MedianPruner(2, 0),
    "halving": lambda: SuccessiveHalvingPruner(1, 2, 0),
    "hyperband": _hyperband,
    "both": _both,
    "patient": lambda: PatientPruner(SuccessiveHalvingPruner(1, 2, 0), 1),
}


@pytest.mark.parametrize("name", RULES)
def test_a_decision_that_is_taken_again_is_the_same_and_changes_nothing(name: str) -> None:
    study = _study(RULES[name]())
    stopped: list[bool] = []
    rising, falling = [0.3, 0.5, 0.6], [0.3, 0.1, 0.1]
    for curve in (rising, [0.2, 0.3, 0.5], [0.4, 0.6, 0.6], falling, [0.2, 0.05, 0.05], [0.5] * 3):
        trial = study.ask()
        for step, value in enumerate(curve, start=1):
            trial.report(value, step)
            first = decide(study, trial)
            attributes = study.trials[trial.number].system_attrs
            assert decide(study, trial, again=True) == first
            assert study.trials[trial.number].system_attrs == attributes
            if first is not None:
                break
        stopped.append(first is not None)
        study.tell(trial, max(curve))
    assert len(set(stopped)) == 2


def test_the_median_rule_names_the_others_median_at_the_step() -> None:
    study = _study(MedianPruner(2, 2), [0.1, 0.2, 0.3], [0.1, 0.4, 0.5], [0.1, 0.3, 0.4])
    verdict = _decide(study, [0.05, 0.2131, 0.9])
    assert verdict == Verdict("median", 2, 0.2131, 0.3)
    assert text(verdict) == "median at epoch 2: 0.2131 below 0.3000"


def test_the_median_rule_compares_the_best_so_far() -> None:
    study = _study(MedianPruner(1, 0), [0.1, 0.4])
    verdict = _decide(study, [0.2, 0.1])
    assert verdict == Verdict("median", 2, 0.2, 0.4)


def test_the_percentile_rule_names_its_share() -> None:
    curves = [[value / 10] for value in range(1, 6)]
    verdict = _decide(_study(PercentilePruner(25.0, 1, 0), *curves), [0.35])
    assert verdict == Verdict("percentile 25", 1, 0.35, pytest.approx(0.4))


def test_successive_halving_names_the_rung_and_the_value_that_would_pass() -> None:
    study = _study(SuccessiveHalvingPruner(2, 3))
    assert _decide(study, [0.1, 0.30]) is None
    assert _decide(study, [0.9, 0.25]) == Verdict("successive halving rung 0", 2, 0.25, 0.30)
    assert _decide(study, [0.0, 0.31, 0.0]) is None


def test_hyperband_names_the_bracket() -> None:
    pruner = _hyperband()
    study = _study(pruner)
    stopped = [_decide(study, [0.9 - number / 50] * 9) for number in range(12)]
    for trial, verdict in zip(study.trials, stopped, strict=True):
        if verdict is not None:
            bracket = pruner.bracket_of(study, trial)
            assert verdict.rule == f"hyperband bracket {bracket} rung 0"
            assert verdict.step == 3**bracket
    assert sum(verdict is not None for verdict in stopped) >= 6


def test_every_rule_that_stops_a_trial_is_named() -> None:
    study = _study(_both(), [0.5] * 9, [0.6] * 9)
    for _ in range(3):
        _decide(study, [0.7] * 9)
    verdict = next(found for found in (_decide(study, [0.1] * 9) for _ in range(9)) if found.also)
    assert verdict.rule.startswith("hyperband bracket")
    assert [other.rule for other in verdict.also] == ["median"]
    first, second = text(verdict).split("; ")
    assert first.startswith(verdict.rule)
    assert second.startswith(f"median at epoch {verdict.step}: 0.1000 below ")


def test_patience_names_the_best_before_it_ran_out() -> None:
    study = _study(PatientPruner(None, patience=1, min_delta=0.01))
    verdict = _decide(study, [0.2, 0.5, 0.4, 0.45])
    assert verdict == Verdict("patient", 4, 0.45, 0.49)


def test_patience_with_another_pruner_names_both() -> None:
    study = _study(PatientPruner(MedianPruner(1, 0), patience=1), [0.6] * 5)
    verdict = _decide(study, [0.2, 0.5, 0.4, 0.45])
    assert verdict is not None
    assert [verdict.rule, *(other.rule for other in verdict.also)] == ["patient", "median"]
    assert verdict.also[0] == Verdict("median", 4, 0.5, 0.6)


def test_patience_that_the_other_pruner_does_not_share_goes_on() -> None:
    study = _study(PatientPruner(MedianPruner(1, 0), patience=1), [0.1] * 5)
    assert _decide(study, [0.2, 0.5, 0.4, 0.45]) is None


@pytest.mark.parametrize(
    "pruner",
    [MedianPruner(1, 0), SuccessiveHalvingPruner(1, 3), _both()],
    ids=["median", "halving", "both"],
)
def test_a_trial_without_any_valid_score_is_stopped_and_said_so(pruner: BasePruner) -> None:
    study = _study(pruner, [0.5] * 9, [0.5] * 9)
    verdict = _decide(study, [math.nan] * 9)
    assert verdict is not None
    assert (verdict.value, verdict.threshold) == (None, None)
    assert text(verdict).endswith("at epoch 1: no valid score")


def test_a_rung_that_takes_nobody_yet_is_named_as_such() -> None:
    study = _study(SuccessiveHalvingPruner(1, 3, 0, 4))
    verdict = _decide(study, [0.3])
    assert verdict is not None
    assert (verdict.value, verdict.threshold) == (0.3, None)
    expected = "successive halving rung 0 (too few trials there yet) at epoch 1: 0.3000"
    assert text(verdict) == expected


def test_a_rule_of_another_kind_is_named_by_its_class() -> None:
    verdict = _decide(_study(ThresholdPruner(lower=0.5)), [0.25])
    assert verdict == Verdict("ThresholdPruner", 1, 0.25, None)


def test_going_on_has_no_verdict() -> None:
    assert _decide(_study(NopPruner()), [0.0] * 9) is None
    assert _decide(_study(MedianPruner(5, 0), [0.9]), [0.0]) is None


def test_before_the_first_report_there_is_nothing_to_decide() -> None:
    study = _study(MedianPruner(1, 0), [0.9])
    assert decide(study, study.ask()) is None


def test_a_verdict_is_kept_as_json() -> None:
    also = Verdict("median", 3, 0.1, 0.2)
    mapping = Verdict("hyperband bracket 0 rung 1", 3, 0.1, 0.15, (also,)).as_mapping()
    assert json.loads(json.dumps(mapping)) == {
        "rule": "hyperband bracket 0 rung 1",
        "step": 3,
        "value": 0.1,
        "threshold": 0.15,
        "also": [{"rule": "median", "step": 3, "value": 0.1, "threshold": 0.2, "also": []}],
    }


@pytest.mark.parametrize(("per_epoch", "epoch"), [(1, "epoch 6"), (2, "epoch 3"), (4, "epoch 1.5")])
def test_the_text_counts_in_epochs(per_epoch: int, epoch: str) -> None:
    verdict = Verdict("median", 6, 0.2131, 0.2544)
    expected = f"median at {epoch}: 0.2131 below 0.2544"
    assert text(verdict, evaluations_per_epoch=per_epoch) == expected


def test_numbers_that_round_alike_are_shown_apart() -> None:
    line = text(Verdict("median", 6, 0.21312, 0.21314))
    assert line == "median at epoch 6: 0.21312 below 0.21314"


@given(value=st.floats(0, 1), threshold=st.floats(0, 1))
def test_the_text_never_contradicts_itself(value: float, threshold: float) -> None:
    low, high = sorted((value, threshold))
    line = text(Verdict("median", 1, low, high)).removeprefix("median at epoch 1: ")
    shown_low, shown_high = map(float, line.split(" below "))
    assert shown_low < shown_high or low == high


PRUNERS: dict[str, tuple[Callable[[], BasePruner], Callable[[], BasePruner]]] = {
    "median": (lambda: MedianPruner(2, 2), lambda: MedianPruner(2, 2)),
    "percentile": (
        lambda: PercentilePruner(30.0, 1, 1, 2, n_min_trials=2),
        lambda: PercentilePruner(30.0, 1, 1, 2, n_min_trials=2),
    ),
    "halving": (lambda: SuccessiveHalvingPruner(1, 2, 1), lambda: SuccessiveHalvingPruner(1, 2, 1)),
    "bootstrap": (
        lambda: SuccessiveHalvingPruner(2, 2, 0, 2),
        lambda: SuccessiveHalvingPruner(2, 2, 0, 2),
    ),
    "hyperband": (_hyperband, lambda: HyperbandPruner(1, 9, 3)),
    "patient": (
        lambda: PatientPruner(MedianPruner(1, 0), 1, 0.02),
        lambda: PatientPruner(MedianPruner(1, 0), 1, 0.02),
    ),
}
CURVES = st.lists(
    st.lists(
        st.one_of(st.floats(0, 1), st.sampled_from([0.2, 0.3, math.nan])), min_size=1, max_size=9
    ),
    min_size=2,
    max_size=14,
)


@pytest.mark.parametrize("name", PRUNERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(curves=CURVES)
def test_decisions_are_optunas_and_every_reason_holds(name: str, curves: list) -> None:
    """The same curves in two studies, ours and Optuna's own; trials interleaved by three."""
    ours, optunas = (_study(make()) for make in PRUNERS[name])
    _compete(ours, optunas, curves)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(curves=CURVES)
def test_the_combination_decides_as_its_two_parts_would(curves: list) -> None:
    class Either(HyperbandPruner):
        def prune(self, study: Study, trial: FrozenTrial) -> bool:
            stops = super().prune(study, trial)
            return MedianPruner(2, 0).prune(study, trial) or stops

    _compete(_study(_both()), _study(Either(1, 9, 3)), curves)


def _compete(ours: Study, optunas: Study, curves: list[list[float]]) -> None:
    waiting, running = list(curves), []
    while waiting or running:
        while waiting and len(running) < 3:
            running.append((ours.ask(), optunas.ask(), waiting.pop(0), 1))
        mine, theirs, curve, step = running.pop(0)
        mine.report(curve[step - 1], step)
        theirs.report(curve[step - 1], step)
        verdict, stops = decide(ours, mine), theirs.should_prune()
        assert (verdict is not None) == stops
        if verdict is not None:
            _holds(verdict, curve[:step])
            ours.tell(mine, state=TrialState.PRUNED)
            optunas.tell(theirs, state=TrialState.PRUNED)
        elif step < len(curve):
            running.append((mine, theirs, curve, step + 1))
        else:
            end: dict[str, Any] = {"state": TrialState.FAIL}
            if not all(map(math.isnan, curve)):
                end = {"values": float(np.nanmax(curve))}
            ours.tell(mine, **end)
            optunas.tell(theirs, **end)


def _holds(verdict: Verdict, reported: list[float]) -> None:
    for one in (verdict, *verdict.also):
        assert one.step == len(reported)
        assert type(one.rule) is str
        if one.value is None:
            assert math.isnan(reported[-1])
        else:
            assert one.value in reported
        if one.threshold is not None:
            assert one.value is not None
            assert one.value < one.threshold
        elif one.value is not None:
            assert "too few" in one.rule
    json.dumps(verdict.as_mapping(), allow_nan=False)


def test_a_trial_that_ends_elsewhere_in_between_cannot_belie_the_reason() -> None:
    """The pruner and its explanation read the trials once, so both see the same ones."""
    study = _study(MedianPruner(1, 0), [0.5])
    storage, reads = study._storage, []
    real = storage.get_all_trials

    def another_worker_finishes(*args: Any, **kwargs: Any) -> list[FrozenTrial]:
        found = list(real(*args, **kwargs))
        reads.append(len(found))
        study.add_trial(create_trial(value=0.0, intermediate_values={1: 0.0}))
        return found

    trial = study.ask()
    trial.report(0.3, 1)
    storage.get_all_trials = another_worker_finishes
    assert decide(study, trial) == Verdict("median", 1, 0.3, 0.5)
    assert len(reads) == 1


def test_workers_on_one_database_find_the_best_and_save_epochs(url: StorageURL) -> None:
    """Three workers, each with a Study of its own on one SQLite file, train in turns."""
    databases = [connect(url) for _ in range(3)]
    workers = [
        optuna.create_study(
            direction="maximize",
            study_name="s",
            storage=each.storage,
            load_if_exists=True,
            pruner=_both(),
        )
        for each in databases
    ]
    qualities = [0.2 + 0.6 * (number * 7 % 12) / 12 for number in range(12)]
    running, verdicts, spent = [], [], 0
    while qualities or running:
        while qualities and len(running) < 3:
            worker = workers[len(qualities) % 3]
            running.append((worker, worker.ask(), qualities.pop(0), 1))
        worker, trial, quality, step = running.pop(0)
        trial.report(quality * (1 - math.exp(-step / 3)), step)
        spent += 1
        verdict = decide(worker, trial)
        if verdict is not None and step < 9:
            verdicts.append(verdict)
            worker.tell(trial, state=TrialState.PRUNED)
        elif step < 9:
            running.append((worker, trial, quality, step + 1))
        else:
            worker.tell(trial, quality)
    assert spent < 12 * 9 * 0.8
    assert workers[0].best_value == pytest.approx(0.2 + 0.6 * 11 / 12)
    states = [trial.state for trial in workers[0].trials]
    assert states.count(TrialState.PRUNED) == len(verdicts) > 3
    for verdict in verdicts:
        assert verdict.value < verdict.threshold
    for opened in databases:
        opened.close()


def test_a_trial_taken_over_by_another_worker_goes_on_at_its_rung(url: StorageURL) -> None:
    with connect(url) as one, connect(url) as other:
        pruner = SuccessiveHalvingPruner(1, 2)
        first = optuna.create_study(
            direction="maximize", study_name="s", storage=one.storage, pruner=pruner
        )
        trial = first.ask()
        trial.report(0.3, 1)
        assert decide(first, trial) is None
        second = optuna.load_study(
            study_name="s", storage=other.storage, pruner=SuccessiveHalvingPruner(1, 2)
        )
        rival = second.ask()
        for step, value in ((1, 0.4), (2, 0.5)):
            rival.report(value, step)
            assert decide(second, rival) is None
        taken = Trial(second, trial._trial_id)
        taken.report(0.35, 2)
        assert decide(second, taken) == Verdict("successive halving rung 1", 2, 0.35, 0.5)
