"""Trials that cannot be trained: how they end, who learns it, and that they never win."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import Trial, TrialState
from scripted_fit import ScriptedFit
from small_search import LR, Search, small_search

from config.load import from_mapping
from hpo import trial_record
from hpo.infeasible import end_infeasible
from hpo.lease_keeper import LeaseKeeper
from hpo.micro_batches import StudyMicroBatches
from hpo.samplers import make_sampler
from hpo.trial_info import Ending
from hpo.trial_run import Outcome
from storage.connect import Database
from trainer.errors import OutOfMemory, TrainingDiverged

NO_ROOM = OutOfMemory("batch 32 does not fit in memory; lower model.max_encoder_length")
RATE = "training.learning_rate"
SPACE = {
    RATE: {"low": 1e-5, "high": 1e-1, "log": True},
    "training.warmup_ratio": {"low": 0.0, "high": 0.2},
}
CLIFF = 3e-3  # the rate from which on a training diverges; the best lies right below it


def raising(error: Exception) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ScriptedFit:
    scripted = ScriptedFit(0.1, 0.9)
    monkeypatch.setattr("hpo.objective.fit", scripted)
    return scripted


def run(search: Search, prepare: Callable[[Trial], None] = lambda _: None) -> Outcome:
    """Run the next trial, as `prepare` leaves it."""
    lease = search.claim("w1")
    trial = search.trial(lease)
    prepare(trial)
    trial.suggest_float(LR, 1e-4, 1e-4)
    keeper = LeaseKeeper(search.leases(), search.workers, lease)
    return search.objective().run(trial, {LR: 1e-4}, keeper, continued=False)


def test_a_trial_that_does_not_fit_is_pruned_infeasible_with_its_reason(
    search: Search, fit: ScriptedFit
) -> None:
    fit.before[2] = raising(NO_ROOM)
    outcome = run(search)
    (trial,) = search.trials()
    assert outcome.state is trial.state is TrialState.PRUNED
    assert outcome.error is None  # the settings' fault: no reason for the worker to stop
    assert trial.constraints == {"memory": 1.0}
    assert trial.user_attrs[trial_record.INFEASIBLE] == str(NO_ROOM)
    assert trial.intermediate_values == {1: 0.1}
    assert "trial 0 infeasible: batch 32 does not fit in memory" in search.shown
    assert search.mirror.told[-1] == ("finish", Ending("infeasible", reason=str(NO_ROOM)))
    assert not list(fit.folders[0].glob("evaluation-*"))


def test_an_infeasible_trial_never_wins(search: Search, fit: ScriptedFit) -> None:
    fit.before[2] = raising(NO_ROOM)
    run(search)
    assert search.best() is None
    fit.before.clear()
    run(search)
    best = search.best()
    assert best is not None
    assert best.number == search.study.best_trial.number == 1


def test_a_trial_whose_worker_died_while_it_ended_can_end_again(
    search: Search, fit: ScriptedFit
) -> None:
    fit.before[2] = raising(NO_ROOM)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(search, lambda trial: trial.set_constraint("memory", 1.0))
    assert search.trials()[0].state is TrialState.PRUNED


def test_a_trial_whose_worker_died_while_it_ended_can_win_where_there_is_memory(
    search: Search, fit: ScriptedFit
) -> None:
    run(search, lambda trial: trial.set_constraint("memory", 1.0))
    best = search.best()
    assert best is not None
    assert best.value == search.study.best_trial.value == 0.9


def test_trainings_are_given_the_studys_memory_of_sizes(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []

    def fit(*_: object, micro_batches: StudyMicroBatches, **__: object) -> object:
        given.append(micro_batches.known("k"))
        micro_batches.found("k", 4)
        raise NO_ROOM

    monkeypatch.setattr("hpo.objective.fit", fit)
    run(search)
    run(search)
    assert given == [None, 4]


def beyond_the_cliff(
    end: Callable[[optuna.Study, Trial], object], sampler_name: str, *, seed: int
) -> float:
    """The share of a sampler's draws beyond the cliff, after 20 trials, where those end so."""
    config = from_mapping(
        {"general": {"seed": seed}, "optuna": {"search_space": SPACE, "sampler": sampler_name}}
    )
    sampler = make_sampler(config, worker_seed=0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    beyond = 0
    for number in range(60):
        trial = study.ask()
        rate = trial.suggest_float(RATE, 1e-5, 1e-1, log=True)
        warmup = trial.suggest_float("training.warmup_ratio", 0.0, 0.2)
        value = 0.1 * math.log10(rate / 1e-5) - abs(warmup - 0.1)
        trial.report(value, 1)  # before it diverges it looks better than all
        if rate > CLIFF:
            beyond += number >= 20
            end(study, trial)
        else:
            study.tell(trial, value)
    return beyond / 40


@pytest.mark.parametrize("name", ["tpe", "curve_tpe"])
def test_tpe_draws_less_from_where_trials_are_infeasible(name: str) -> None:
    """Told as FAIL, TPE learns nothing and goes on to where values seem to rise."""

    def infeasible(study: optuna.Study, trial: Trial) -> None:
        end_infeasible(study, trial, NO_ROOM)

    def fail(study: optuna.Study, trial: Trial) -> None:
        study.tell(trial, state=TrialState.FAIL)

    learned = [beyond_the_cliff(infeasible, name, seed=seed) for seed in range(3)]
    failed = [beyond_the_cliff(fail, name, seed=seed) for seed in range(3)]
    assert max(learned) < min(failed)
    assert sum(learned) < 0.6 * sum(failed)


@pytest.mark.parametrize("sampler", ["tpe", "curve_tpe", "gp", "cmaes", "random", "qmc"])
def test_every_sampler_goes_on_after_infeasible_trials_without_a_warning(sampler: str) -> None:
    options = {
        "name": sampler,
        **({"n_startup_trials": 3} if sampler in {"gp", "tpe", "curve_tpe"} else {}),
    }
    config = from_mapping({"optuna": {"search_space": SPACE, "sampler": options}})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        study = optuna.create_study(
            direction="maximize", sampler=make_sampler(config, worker_seed=0)
        )
        for number in range(8):
            trial = study.ask()
            rate = trial.suggest_float(RATE, 1e-5, 1e-1, log=True)
            trial.suggest_float("training.warmup_ratio", 0.0, 0.2)
            trial.report(rate, 1)
            if number % 2:
                end_infeasible(study, trial, TrainingDiverged(number))
            else:
                study.tell(trial, rate)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.PRUNED] * 4
