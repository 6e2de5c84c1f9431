"""Who is stopped by extrapolation and who is not, on real studies."""

import copy
import json
import math
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from trained_trial import OWN, RECORD, trained_trial

from hpo.curve_ledger import CurveLedger
from hpo.extrapolation_pruner import ExtrapolationPruner
from hpo.infeasible import VIOLATED
from hpo.learning_curve import LearningCurve
from hpo.own_trials import STUDY
from hpo.prune_reasons import decide
from hpo.verdict import Verdict, text

LAST = 20


def _last_step(trial: FrozenTrial) -> int:
    return int(trial.user_attrs.get("last", LAST))


def _pruner(*, n_warmup_steps: int = 3, standard_errors: float = 1.0) -> ExtrapolationPruner:
    return ExtrapolationPruner(
        _last_step, n_warmup_steps=n_warmup_steps, standard_errors=standard_errors
    )


def _study(
    *complete: Sequence[float],
    pruner: ExtrapolationPruner | None = None,
    direction: str = "maximize",
    storage: str | None = None,
) -> Study:
    pruner = pruner or _pruner()
    study = optuna.create_study(direction=direction, pruner=pruner, storage=storage, study_name="s")
    best = max if direction == "maximize" else min
    for curve in complete:
        study.add_trial(
            create_trial(value=best(curve), intermediate_values=dict(enumerate(curve, start=1)))
        )
    return study


def _report(trial: Trial, values: Sequence[float], *, first: int = 1) -> Trial:
    for step, value in enumerate(values, start=first):
        trial.report(value, step)
    return trial


def _add_stopped(study: Study, values: Sequence[float], *, times: int = 1) -> None:
    reported = dict(enumerate(values, start=1))
    for _ in range(times):
        study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values=reported))


def _stopped_at(study: Study, curve: Sequence[float]) -> int | None:
    """Report a curve up to the first stop: its step; None when there is none."""
    trial = study.ask()
    trial.set_user_attr("last", len(curve))
    for step, value in enumerate(curve, start=1):
        trial.report(value, step)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return step
    study.tell(trial, max(curve))
    return None


def _saturating(end: float, *, tau: float = 3.0, length: int = LAST) -> list[float]:
    return [end * (1 - math.exp(-step / tau)) for step in range(1, length + 1)]


def test_a_flat_curve_below_the_best_ends_at_the_warm_up() -> None:
    assert _stopped_at(_study(_saturating(0.5)), [0.1] * LAST) == 3
    later = _study(_saturating(0.5), pruner=_pruner(n_warmup_steps=7))
    assert _stopped_at(later, [0.1] * LAST) == 7


def test_a_slow_start_that_still_rises_goes_on_to_overtake() -> None:
    late = [0.01 + 0.03 * step for step in range(LAST)]
    for known in ([0.5] * LAST, _saturating(0.5)):
        study = _study(known, pruner=_pruner(standard_errors=2.0))
        assert _stopped_at(study, late) is None


def test_a_rise_that_has_come_too_late_ends() -> None:
    study = _study(_saturating(0.9))
    late = [0.01 + 0.03 * step for step in range(LAST)]
    assert _stopped_at(study, late) == 3


def test_the_first_tenth_goes_on_and_later_fewer() -> None:
    study = _study([0.5] * LAST)
    _add_stopped(study, [0.1] * 3, times=18)
    assert _stopped_at(study, [0.2] * 40) == 26  # second of 20
    assert _stopped_at(study, [0.05] * LAST) == 3
    _add_stopped(study, [0.1] * 3, times=9)
    assert _stopped_at(study, [0.2] * LAST) is None  # third of 31


def test_a_third_evaluation_ends_none_of_the_first_three_tenths() -> None:
    for ahead, stopped in ((2, 4), (3, 3)):  # third and fourth of 10 flat ones
        study = _study([0.5] * LAST)
        _add_stopped(study, [0.3] * 3, times=ahead - 1)
        _add_stopped(study, [0.1] * 3, times=9 - ahead)
        assert _stopped_at(study, [0.2] * LAST) == stopped


def test_who_had_more_before_is_ahead_also_when_over_or_not_so_far() -> None:
    for ahead in ([0.3] * 3, [0.3]):
        study = _study([0.5] * LAST)
        _add_stopped(study, [0.1] * 3, times=17)
        if len(ahead) == 1:
            _report(study.ask(), ahead)
        else:
            _add_stopped(study, ahead)
        assert _stopped_at(study, [0.2] * LAST) == 4  # third of 20


def test_a_rise_far_behind_many_ends_however_high_it_may_come() -> None:
    def rising(start: float) -> list[float]:
        return [start + 0.04 * step for step in range(10)]

    for others, stopped in ((1, False), (30, True)):
        study = _study(*[rising(0.1 + 0.001 * n) for n in range(others)])
        verdict = decide(study, _report(study.ask(), rising(0.09)[:9]))
        assert (verdict is not None) is stopped
    assert verdict is not None
    assert text(verdict) == (
        "extrapolation at epoch 9: 0.4100 is place 31 of 31 by then, trial 29 has 0.4890"
    )
    assert Verdict.from_mapping(json.loads(json.dumps(verdict.as_mapping()))) == verdict


def test_a_curve_that_fell_and_climbs_again_goes_on_to_overtake() -> None:
    study = _study([0.5] * LAST)
    _add_stopped(study, [0.31] * 3, times=20)
    assert _stopped_at(study, [0.3, *(0.1 + 0.03 * step for step in range(19))]) is None


def test_a_curve_that_fell_has_two_evaluations_more_to_climb() -> None:
    study = _study([0.5] * LAST)
    _add_stopped(study, [0.31] * 3, times=20)
    assert _stopped_at(study, [0.3, *[0.1] * 19]) == 5
    assert _stopped_at(study, [0.3, *[-50.0] * 19]) == 3


def test_the_first_trials_compete_with_each_other() -> None:
    study = _study()
    ahead, behind = study.ask(), study.ask()
    _report(ahead, [0.3, 0.4, 0.5])
    _report(behind, [0.1, 0.1, 0.1])
    assert behind.should_prune()
    assert not ahead.should_prune()


def test_alone_or_level_with_the_best_nobody_is_stopped() -> None:
    assert _stopped_at(_study(), [0.3, 0.2, 0.1, 0.1, 0.1]) is None
    assert _stopped_at(_study([0.3] * LAST), [0.3] * LAST) is None


def test_one_bad_evaluation_stops_nobody_and_two_may() -> None:
    rising = [0.20, 0.24, 0.28, 0.32, 0.36]
    for bad in (0.0, 0.2, -5.0):
        study = _study([0.6] * LAST)
        trial = _report(study.ask(), [*rising, bad])
        assert not trial.should_prune()
        assert _report(trial, [bad], first=7).should_prune()


def test_after_the_last_evaluation_stopping_would_save_nothing() -> None:
    study = _study([0.6] * LAST)
    trial = study.ask()
    trial.set_user_attr("last", 4)
    assert not _report(trial, [0.1] * 4).should_prune()


def test_a_shorter_trial_is_extrapolated_to_its_own_end() -> None:
    rising = [0.05 * step for step in range(1, 7)]
    for last, stopped in ((20, False), (8, True)):
        trial = _study([0.6] * LAST).ask()
        trial.set_user_attr("last", last)
        assert _report(trial, rising).should_prune() is stopped


def test_noise_that_may_hide_a_rise_gives_the_benefit_of_the_doubt() -> None:
    noisy = [0.30, 0.38, 0.29, 0.37, 0.31]
    for errors, stopped in ((0.0, True), (2.0, False)):
        study = _study([0.45] * LAST, pruner=_pruner(standard_errors=errors))
        assert _report(study.ask(), noisy).should_prune() is stopped


def test_known_curves_that_come_to_an_end_shorten_the_forecast() -> None:
    rising = [0.30, 0.32, 0.34]
    nothing_known = _study([0.45])
    assert not _report(nothing_known.ask(), rising).should_prune()
    known = _study(*[[0.25, 0.35, *[0.45] * 18]] * 12)
    assert _report(known.ask(), rising).should_prune()


def test_pruned_failed_and_infeasible_trials_lead_nobody() -> None:
    study = _study()
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.COMPLETE, TrialState.RUNNING):
        trial = _report(study.ask(), [0.9] * 5)
        if state in (TrialState.COMPLETE, TrialState.RUNNING):
            trial.set_constraint("memory", VIOLATED)
        if state is not TrialState.RUNNING:
            study.tell(trial, 0.9 if state is TrialState.COMPLETE else None, state=state)
    assert not _report(study.ask(), [0.1] * 5).should_prune()


def test_a_value_that_another_program_told_without_a_curve_leads_nobody() -> None:
    told, shown = _study(), _study([0.2] * LAST)
    for study in (told, shown):
        study.add_trial(create_trial(value=0.9))
    assert not _report(told.ask(), [0.1] * 5).should_prune()
    verdict = decide(shown, _report(shown.ask(), [0.1] * 5))
    assert verdict is not None
    assert verdict.leader == 0


def _own_study(*curves: Sequence[float]) -> Study:
    """A study of trials that hpo trained in it, whose pruner goes by these alone."""
    pruner = ExtrapolationPruner(_last_step, n_warmup_steps=3, standard_errors=1.0, own=OWN)
    study = _study(pruner=pruner)
    for curve in curves:
        reported = dict(enumerate(curve, start=1))
        study.add_trial(trained_trial(value=max(curve), intermediate_values=reported))
    return study


@pytest.mark.parametrize("attrs", [{}, {**RECORD, STUDY: "another"}, {STUDY: OWN.key}])
def test_what_hpo_did_not_train_in_the_study_leads_nobody_however_it_reported(
    attrs: dict[str, object],
) -> None:
    """Told, brought from another study, and of the study but ended by another program."""
    study, reported = _own_study(), dict.fromkeys(range(1, LAST + 1), 0.9)
    study.add_trial(create_trial(value=0.9, intermediate_values=reported, user_attrs=attrs))
    assert not _report(study.ask(), [0.1] * 5).should_prune()


def test_a_running_trial_leads_where_it_is_the_studys_own() -> None:
    for attrs, stops in (({STUDY: OWN.key}, True), ({STUDY: "another"}, False), ({}, False)):
        study = _own_study()
        ahead = _report(study.ask(), [0.9] * 5)
        for name, value in attrs.items():
            ahead.set_user_attr(name, value)
        assert _report(study.ask(), [0.1] * 5).should_prune() is stops


def test_those_of_others_take_no_place_and_bend_no_curve() -> None:
    alone, among = _own_study([0.5] * LAST), _own_study([0.5] * LAST)
    _add_stopped(among, [0.4] * 10, times=50)
    for study in (alone, among):
        for _ in range(9):
            study.add_trial(
                trained_trial(
                    state=TrialState.PRUNED, intermediate_values=dict.fromkeys(range(1, 4), 0.05)
                )
            )
    curve = [0.2 + 0.001 * step for step in range(LAST)]
    assert _stopped_at(alone, curve) == _stopped_at(among, curve)
    copied = pickle.loads(pickle.dumps(among.pruner))  # with what it goes by
    among.pruner = copy.deepcopy(copied)
    assert _stopped_at(alone, curve) == _stopped_at(among, curve)


def test_reports_without_a_number_neither_stop_nor_help() -> None:
    study = _study([0.6] * LAST)
    assert not _report(study.ask(), [0.5, 0.52, 0.54, math.nan]).should_prune()
    assert _report(study.ask(), [0.1, 0.1, 0.1, math.nan]).should_prune()
    assert not _report(study.ask(), [math.nan, math.nan]).should_prune()
    verdict = decide(study, _report(study.ask(), [math.nan] * 3))
    assert verdict is not None
    assert text(verdict) == "extrapolation at epoch 3: no valid score"


def test_the_reason_says_what_the_trial_would_come_to_and_who_leads() -> None:
    study = _study([0.455] * LAST)
    verdict = decide(study, _report(study.ask(), [0.39, 0.3901, 0.3902]))
    assert verdict is not None
    assert text(verdict) == (
        "extrapolation at epoch 3: 0.3902 would come to 0.3914 at best, trial 0 has 0.4550"
    )
    assert Verdict.from_mapping(json.loads(json.dumps(verdict.as_mapping()))) == verdict


def test_losses_give_the_same_decisions_and_are_shown_as_reported() -> None:
    losses = [0.7 - value for value in _saturating(0.5)]
    study = _study(losses, direction="minimize")
    verdict = decide(study, _report(study.ask(), [0.69, 0.69, 0.69]))
    assert verdict is not None
    assert (verdict.so_far, verdict.threshold) == (0.69, pytest.approx(min(losses)))


def test_asking_changes_nothing_and_asking_again_gives_the_same() -> None:
    study = _study(_saturating(0.5))
    trial = _report(study.ask(), [0.1] * 3)
    before = study.trials
    assert trial.should_prune()
    assert trial.should_prune()
    assert study.trials == before


@pytest.mark.parametrize("warm_up", [3, 5])
def test_steps_that_count_from_zero_give_the_same_decisions(warm_up: int) -> None:
    rng = np.random.default_rng(5)
    curves = [_saturating(end, tau=tau) for end in (0.6, 0.5, 0.3, 0.2) for tau in (2.0, 4.0)]
    curves.append([0.05] * LAST)
    noisy = [[value + rng.normal(0, 0.005) for value in curve] for curve in curves]
    stopped = []
    for first in (1, 0):
        pruner = ExtrapolationPruner(
            lambda _, first=first: LAST - 1 + first, n_warmup_steps=warm_up, standard_errors=1.0
        )
        study = _study(pruner=pruner)
        trials = [study.ask() for _ in noisy]
        decided = []
        for step in range(LAST):
            for trial, values in zip(trials, noisy, strict=True):
                trial.report(values[step], step + first)
                decided.append(trial.should_prune())
        stopped.append(decided)
    assert stopped[0] == stopped[1]
    assert any(stopped[0][len(noisy) * (warm_up - 1) : len(noisy) * warm_up])


def test_steps_that_count_batches_give_the_same_decisions() -> None:
    """But where the latest half of a curve begins between two evaluations."""
    stopped = []
    for every in (1, 500):
        pruner = ExtrapolationPruner(
            lambda _, every=every: LAST * every, n_warmup_steps=3, standard_errors=2.0
        )
        study = _study(pruner=pruner)
        trials = [(study.ask(), end) for end in np.linspace(0.1, 0.6, 20)]
        decided = []
        for step in range(1, LAST):
            for trial, end in trials:
                trial.report(_saturating(end, tau=8.0)[step - 1], step * every)
                decided.append(trial.should_prune())
        stopped.append(decided)
    unlike = sum(one is not other for one, other in zip(*stopped, strict=True))
    assert unlike < 0.01 * len(stopped[0])
    assert any(stopped[0])


@pytest.mark.parametrize("state", [TrialState.PRUNED, TrialState.RUNNING])
def test_other_trials_that_count_from_zero_tell_as_much(state: TrialState) -> None:
    """Also those that came just as far as the trial that is judged."""
    told = []
    for first in (1, 0):
        curves = [dict(enumerate([0.1, 0.2, 0.4][: 1 + n % 3], start=first)) for n in range(9)]
        study = optuna.create_study(direction="maximize")
        study.add_trials(create_trial(state=state, intermediate_values=curve) for curve in curves)
        ledger = CurveLedger(sign=1)
        ledger.read(study.trials)
        own = LearningCurve((1, 2, 3), (0.1, 0.4, 0.4), (0.1, 0.4, 0.4))
        told.append((ledger.standing(own, without=9), ledger.behaviour(3, own=(9, own))))
    assert told[0] == told[1]
    assert told[0][0] == (1, 10 if state is TrialState.PRUNED else 4)
    assert told[0][1].noise < own.noise(3) / 2  # the others' noise, not its own


@pytest.mark.parametrize(
    ("standard_errors", "stopped"), [(0.5, True), (1.0, True), (2.0, True), (4.0, False)]
)
def test_more_standard_errors_give_a_noisy_curve_more_of_the_doubt(
    standard_errors: float, stopped: bool
) -> None:
    study = _study([0.4] * LAST, pruner=_pruner(standard_errors=standard_errors))
    assert _report(study.ask(), [0.3, 0.31, 0.29, 0.3]).should_prune() == stopped


def test_an_ended_trial_is_read_once_for_all_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    take = CurveLedger._take

    def counted(ledger: CurveLedger, place: int, trial: FrozenTrial) -> None:
        read.append(place)
        take(ledger, place, trial)

    monkeypatch.setattr(CurveLedger, "_take", counted)
    study = _study([0.4] * LAST, [0.5] * LAST)
    trial = _report(study.ask(), [0.3] * 3)
    for _ in range(3):
        trial.should_prune()
    assert [read.count(number) for number in range(3)] == [1, 1, 3]


def test_without_three_reports_nobody_is_stopped_whatever_the_warm_up() -> None:
    study = _study([0.4] * LAST, pruner=_pruner(n_warmup_steps=0))
    assert not _report(study.ask(), [math.nan, math.nan]).should_prune()
    assert _report(study.ask(), [math.nan, math.nan, math.nan]).should_prune()


def test_only_the_latest_curves_tell_how_curves_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.curve_ledger.LATEST", 5)
    study = _study()
    for values in ([0.5, 0.9, 0.5, 0.9, 0.5, 0.9], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]):
        _add_stopped(study, values, times=5)  # the first are better, and noisy
    ledger = CurveLedger(sign=1)
    ledger.read(study.trials)
    own = LearningCurve((1, 2, 3), (0.5, 0.6, 0.7), (0.5, 0.6, 0.7))
    assert ledger.standing(own, without=10) == (1, 6)
    assert ledger.behaviour(3, own=(10, own)).noise < 1e-9
    assert sum(ledger.behaviour(3, own=(10, own)).bends) == 5


def test_a_step_beyond_what_other_databases_hold_stops_nobody() -> None:
    """SQLite takes a step of 64 bits: milliseconds, or tokens, of another program."""
    study = _study([0.6] * LAST)
    study.add_trial(
        create_trial(state=TrialState.PRUNED, intermediate_values={1_800_000_000_000: 0.3})
    )
    assert _report(study.ask(), [0.1] * 3).should_prune()


def test_a_curve_that_swings_as_far_as_numbers_go_is_judged() -> None:
    study = _study([0.1] * LAST, direction="minimize")
    assert _stopped_at(study, [1e308 * (-1) ** step for step in range(LAST)]) is None
    assert _stopped_at(study, [1e307] * LAST) == 8


def test_copies_and_other_studies_begin_anew() -> None:
    pruner = _pruner()
    first = _study([0.6] * LAST, pruner=pruner)
    assert _report(first.ask(), [0.1] * 3).should_prune()
    second = _study([0.05] * LAST, pruner=pruner)
    assert not _report(second.ask(), [0.1] * 3).should_prune()
    for copied in (copy.deepcopy(pruner), pickle.loads(pickle.dumps(pruner))):
        assert _report(_study([0.6] * LAST, pruner=copied).ask(), [0.1] * 3).should_prune()


LOADED = """
import sys
import optuna
from hpo.extrapolation_pruner import ExtrapolationPruner
pruner = ExtrapolationPruner(lambda trial: 20, n_warmup_steps=3, standard_errors=1.0)
study = optuna.load_study(study_name="s", storage=sys.argv[1])
running = [t for t in study.trials if t.state is optuna.trial.TrialState.RUNNING]
print([pruner.prune(study, trial) for trial in running])
"""


def test_another_process_decides_the_same_from_what_is_stored(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    rng = np.random.default_rng(3)
    study = _study(storage=url)
    ends = [0.3, 0.5, 0.45, 0.2, 0.48, 0.49]
    trials = [study.ask() for _ in ends]
    asked: list[bool] = []
    for step in range(1, 9):
        for end, trial in zip(ends, trials, strict=True):
            trial.report(_saturating(end)[step - 1] + rng.normal(0, 0.003), step)
            asked.append(trial.should_prune())  # so that this process has a past
    here = [trial.should_prune() for trial in trials]
    there = subprocess.run(
        [sys.executable, "-c", LOADED, url], capture_output=True, text=True, check=False
    )
    assert there.returncode == 0, there.stderr
    assert json.loads(there.stdout.lower()) == here
    assert set(asked) == {True, False}


def _values(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0, 1, width=32), min_size=count, max_size=count)


curves = st.lists(st.integers(3, LAST - 1).flatmap(_values), min_size=1, max_size=6)
lean = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def _running(others: Sequence[Sequence[float]], change: Callable[[float], float]) -> list[bool]:
    """Whether each of the running trials of these curves is stopped."""
    study = _study()
    trials = [_report(study.ask(), [change(value) for value in curve]) for curve in others]
    return [trial.should_prune() for trial in trials]


@lean
@given(others=curves)
def test_the_leader_is_never_stopped(others: list[list[float]]) -> None:
    best = [max(curve) for curve in others]
    assert not _running(others, float)[best.index(max(best))]


@lean
@given(others=curves, start=st.floats(-1, 0.9), steepness=st.floats(1, 3), bad=st.floats(-1e3, 1))
def test_no_single_evaluation_stops_a_trial_on_its_way_to_the_best(
    others: list[list[float]], start: float, steepness: float, bad: float
) -> None:
    slope = steepness * (1 - start) / (LAST - 1)  # at 1, the best that others can have, in the end
    trial = _study(*others[:1], pruner=_pruner(standard_errors=2.0)).ask()
    assert not _report(trial, [start + slope * step for step in range(6)]).should_prune()
    assert not _report(trial, [bad], first=7).should_prune()


@lean
@given(others=curves, scale=st.sampled_from([2.0**-8, 0.5, 64.0]), shift=st.integers(-4, 4))
def test_scale_and_origin_of_the_metric_do_not_matter(
    others: list[list[float]], scale: float, shift: int
) -> None:
    grid = [[round(value * 1024) / 1024 for value in curve] for curve in others]
    assert _running(grid, float) == _running(grid, lambda value: scale * (value + shift))
