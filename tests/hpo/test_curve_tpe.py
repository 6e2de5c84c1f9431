"""TPE over where curves seem to end: what it learns from, and that it is the same everywhere."""

from collections.abc import Callable
from statistics import mean
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.curve_tpe import CurveTPESampler

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1)}
GOOD = 0.2


def sampler(seed: int = 0, **options: Any) -> CurveTPESampler:
    return CurveTPESampler(
        **{"seed": seed, "n_startup_trials": 5, "n_ei_candidates": 24, "group": False} | options
    )


def curve(x: float, length: int) -> dict[int, float]:
    """The nearer to GOOD, the higher it ends; far from it curves are faster at first."""
    end = 1 - abs(x - GOOD)
    return {step: end * (1 - 0.8**step) for step in range(1, length + 1)}


def pruned(x: float, length: int, *, violated: bool = False) -> FrozenTrial:
    return create_trial(
        state=TrialState.PRUNED,
        params={"x": x},
        distributions=SPACE,
        intermediate_values=curve(x, length),
        system_attrs={"constraints:memory": 1.0} if violated else {},
    )


def complete(x: float, length: int = 20) -> FrozenTrial:
    points = curve(x, length)
    return create_trial(
        params={"x": x},
        distributions=SPACE,
        value=max(points.values()),
        intermediate_values=points,
    )


def study_of(trials: list[FrozenTrial], by: BaseSampler) -> Study:
    study = optuna.create_study(direction="maximize", sampler=by)
    study.add_trials(trials)
    return study


def draws(study: Study, n: int = 20) -> list[float]:
    drawn = []
    for _ in range(n):
        trial = study.ask(SPACE)
        drawn.append(float(trial.params["x"]))
        study.tell(trial, state=TrialState.FAIL)
    return drawn


def distance(study: Study) -> float:
    return mean(abs(x - GOOD) for x in draws(study))


# Those beside GOOD were pruned early, by a pruner that was in a hurry; worse ones completed.
MISJUDGED = [complete(0.6 + 0.02 * n) for n in range(15)] + [
    pruned(0.19 + 0.004 * n, 6) for n in range(5)
]


def test_a_pruned_trial_that_promises_more_than_completed_ones_is_followed() -> None:
    optunas = distance(study_of(MISJUDGED, TPESampler(seed=0)))
    assert distance(study_of(MISJUDGED, sampler())) < 0.6 * optunas


def test_what_runs_counts_by_its_curve() -> None:
    """Nothing has completed, and what is best runs still: Optuna's keeps away from there."""

    def begun(by: BaseSampler) -> Study:
        study = study_of([pruned(0.5 + 0.01 * n, 3) for n in range(45)], by)
        for n in range(8):
            study.enqueue_trial({"x": 0.16 + 0.01 * n})
            trial = study.ask(SPACE)
            for step, value in curve(trial.params["x"], 5).items():
                trial.report(value, step)
        return study

    assert distance(begun(sampler())) < 0.6 * distance(begun(TPESampler(seed=0)))


def test_what_runs_and_has_shown_nothing_is_kept_away_from() -> None:
    study = study_of([complete(0.05 * n) for n in range(20)], sampler(n_ei_candidates=100))
    alone = draws(study, 10)
    for _ in range(30):
        study.enqueue_trial({"x": mean(alone)})
        study.ask(SPACE)
    near = mean(abs(x - mean(alone)) for x in alone)
    assert mean(abs(x - mean(alone)) for x in draws(study, 10)) > 2 * near


def test_what_has_shown_nothing_makes_no_more_of_the_others_good() -> None:
    """Of 30 trials 3 are; 64 workers without reports made it 10 of them."""

    def busy(running: int) -> Study:
        study = study_of([complete(n / 30) for n in range(30)], sampler(n_ei_candidates=100))
        for n in range(running):
            study.enqueue_trial({"x": n / running})
            study.ask(SPACE)
        return study

    assert distance(busy(64)) < 1.5 * distance(busy(0))


def test_trials_that_were_pruned_without_a_report_make_no_more_of_the_others_good() -> None:
    """Sixty of them made seven of the first seven good, and the search stayed there."""
    silent = [
        create_trial(state=TrialState.PRUNED, params={"x": n / 60}, distributions=SPACE)
        for n in range(60)
    ]
    shown = [complete(x) for x in (0.95, 0.9, 0.85, 0.8, 0.4, 0.3)]
    assert distance(study_of([*silent, *shown], sampler())) < 0.35


def test_infeasible_trials_push_away_however_well_they_began() -> None:
    trials = [complete(0.5 + 0.02 * n) for n in range(20)]
    trials += [pruned(0.2 + 0.01 * n, 12, violated=True) for n in range(10)]
    assert min(draws(study_of(trials, sampler()))) > 0.3


def test_a_study_with_nothing_but_infeasible_trials_goes_elsewhere() -> None:
    trials = [pruned(0.05 * n, 1, violated=True) for n in range(10)]
    assert mean(draws(study_of(trials, sampler()))) > 0.5


def infeasible(x: float) -> FrozenTrial:
    violation = {"constraints:memory": abs(x - GOOD)}
    return create_trial(value=x, params={"x": x}, distributions=SPACE, system_attrs=dict(violation))


def test_where_nothing_is_feasible_the_least_infeasible_are_followed() -> None:
    trials = [infeasible(0.05 * n + 0.025) for n in range(20)]
    assert distance(study_of(trials, sampler())) < 0.15


def test_the_least_infeasible_are_not_followed_where_enough_is_feasible() -> None:
    trials = [infeasible(0.05 * n + 0.025) for n in range(10)]
    trials += [complete(0.7 + 0.01 * n) for n in range(10)]
    assert mean(draws(study_of(trials, sampler()))) > 0.55


def test_where_all_score_alike_it_goes_on_looking_around() -> None:
    """As with ROUGE 0 everywhere but in a corner."""

    def level(x: float) -> FrozenTrial:
        score = 0.1 if x > 0.9 else 0.0
        return create_trial(
            value=score, params={"x": x}, distributions=SPACE, intermediate_values={1: score}
        )

    study = study_of([level(0.05 * n) for n in range(18)], sampler())
    for _ in range(40):
        trial = study.ask(SPACE)
        ended = level(trial.params["x"])
        trial.report(ended.intermediate_values[1], 1)
        study.tell(trial, ended.value)
    assert study.best_value == 0.1


def test_draws_are_random_until_enough_has_been_seen() -> None:
    few, enough = MISJUDGED[:4], MISJUDGED[:5]
    first = sampler(3)
    assert draws(study_of(few, first), 1) == draws(study_of([], sampler(3)), 1)
    assert draws(study_of(enough, sampler(3)), 1) != draws(study_of(few, sampler(3)), 1)


def test_reports_of_running_trials_end_the_random_start() -> None:
    study = study_of([complete(0.2)], sampler(3))
    for n in range(4):
        study.enqueue_trial({"x": 0.9 - 0.01 * n})
        study.ask(SPACE).report(0.1, 1)
    assert draws(study, 1) != draws(study_of([complete(0.2)], sampler(3)), 1)


def test_minimizing_is_maximizing_turned_over() -> None:
    up = study_of(MISJUDGED, sampler())
    down = optuna.create_study(direction="minimize", sampler=sampler())
    for trial in MISJUDGED:
        values = {step: -value for step, value in trial.intermediate_values.items()}
        down.add_trial(
            create_trial(
                state=trial.state,
                value=None if trial.value is None else -trial.value,
                params=trial.params,
                distributions=SPACE,
                intermediate_values=values,
            )
        )
    assert draws(down) == draws(up)


def test_a_process_that_has_seen_the_search_draws_as_one_that_starts_now() -> None:
    """What is kept between draws changes none of them, in whatever order trials had finished."""
    old = sampler(0)
    study = study_of(MISJUDGED[:8], old)
    held = [study.ask({}) for _ in range(2)]
    draws(study, 2)
    study.add_trials(MISJUDGED[8:])
    draws(study, 2)
    for trial in held:
        study.tell(trial, state=TrialState.PRUNED)
    old._rng.rng.seed(7)
    new = sampler(0)
    new._rng.rng.seed(7)
    seen = draws(study, 1)
    study.sampler = new
    old._rng.rng.seed(8)
    new._rng.rng.seed(7)
    assert draws(study, 1) == seen


def test_one_sampler_serves_one_study_after_the_other() -> None:
    """In memory both have the same id."""
    turned = [
        create_trial(
            value=trial.value,
            state=trial.state,
            params={"x": 1 - trial.params["x"]},
            distributions=SPACE,
            intermediate_values=trial.intermediate_values,
        )
        for trial in MISJUDGED
    ]
    by = sampler()
    draws(study_of(MISJUDGED, by))
    assert all(x > 0.5 for x in draws(study_of(turned, by)))


@pytest.mark.parametrize("strange", [{"x": "high"}, {"x": 7.0}, {"y": 0.3}])
def test_trials_of_other_programs_do_not_stop_it(strange: dict[str, Any]) -> None:
    name, value = next(iter(strange.items()))
    foreign = create_trial(
        params=strange,
        distributions={name: CategoricalDistribution([value])},
        value=2.0,
        intermediate_values={-3: float("nan"), 10**9: 2.0},
    )
    study = study_of([*MISJUDGED, foreign], sampler())
    assert all(0 <= x <= 1 for x in draws(study, 5))


def test_a_long_study_is_looked_at_by_a_selection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpo.curve_tpe.MOST_KERNELS", 10)
    trials = [complete(n / 200) for n in range(200)]
    assert distance(study_of(trials, sampler())) < 0.1


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_conditional_parameters_are_modelled_in_their_groups() -> None:
    def objective(ask: Callable[[], optuna.Trial]) -> tuple[optuna.Trial, float]:
        trial = ask()
        if trial.suggest_categorical("kind", ["a", "b"]) == "a":
            return trial, -abs(trial.suggest_float("x", 0, 1) - GOOD)
        return trial, -abs(trial.suggest_float("y", 0, 1) - 0.8) - 0.5

    study = study_of([], sampler(group=True))
    for _ in range(50):
        trial, value = objective(study.ask)
        study.tell(trial, value)
    late = [trial.params for trial in study.trials[-15:]]
    assert sum(params["kind"] == "a" for params in late) > 10
    assert mean(abs(p["x"] - GOOD) for p in late if "x" in p) < 0.15
