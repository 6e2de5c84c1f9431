"""`hpo retry`: which trials are tried again, what is queued, and whether it will run."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from optuna.trial import TrialState, create_trial
from scripted_fit import ScriptedFit
from small_search import LR, Search, small_search
from trained_trial import trained_trial

from hpo.cli import main
from hpo.retry import retry
from hpo.status import collect
from hpo.suggest import distributions
from storage.connect import Database

BATCH = "training.per_device_train_batch_size"


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path, n_trials=2)


@pytest.fixture
def hpo(search: Search):
    """Run `hpo retry` on the study's database."""

    def run(*words: str) -> Result:
        environ = {"HPO_STORAGE": search.database.url.sqlalchemy}
        return CliRunner().invoke(main, ("retry", *words), env=environ, prog_name="hpo")

    return run


def add(search: Search, state: TrialState, *, lr: float = 2e-4, **attributes: object) -> int:
    """Add a trial that has ended so; its number."""
    trial = trained_trial(
        state=state,
        value=0.5 if state is TrialState.COMPLETE else None,
        params={LR: lr},
        distributions=distributions(search.config.optuna.search_space),
        user_attrs=attributes,
    )
    search.study.add_trial(trial)
    return search.trials()[-1].number


def test_a_failed_trials_parameters_run_again_in_a_trial_that_says_whose_retry_it_is(
    search: Search, hpo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.objective.fit", ScriptedFit(0.1, 0.2, 0.3))
    add(search, TrialState.FAIL, lr=3e-4)
    result = hpo("--study", "s", "--trial", "0")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "trial 0 is queued again as trial 1",
        "next: hpo worker --study s (workers that run take it by themselves)",
    ]
    search.worker().run()
    retried = search.trials()[1]
    assert (retried.state, retried.params) == (TrialState.COMPLETE, {LR: 3e-4})
    assert retried.user_attrs["hpo:retry_of"] == 0
    assert search.leases().taken() == 2
    (failure,) = collect(search.database, "s").failures
    assert str(failure) == "trial 0: no reason was kept (tried again: trial 1)"
    assert failure.as_json()["retries"] == [1]


def test_several_are_queued_at_once_and_one_named_twice_once(search: Search, hpo) -> None:
    for _ in range(2):
        add(search, TrialState.FAIL)
    lines = hpo("--trial", "1", "--trial", "0", "--trial", "1").output.splitlines()
    assert lines[:2] == [
        "trial 1 is queued again as trial 2",
        "trial 0 is queued again as trial 3",
    ]
    assert len(search.trials()) == 4


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (TrialState.COMPLETE, "trial 1 is complete; only a failed trial, or one that another"),
        (TrialState.PRUNED, "trial 1 was pruned; only"),
        (TrialState.RUNNING, "trial 1 is running (hpo status says if nobody works on it); only"),
        (TrialState.WAITING, "trial 1 waits in the queue; only"),
    ],
)
def test_what_has_not_failed_is_refused_in_one_line_and_nothing_queued(
    search: Search, hpo, state: TrialState, says: str
) -> None:
    add(search, TrialState.FAIL)
    add(search, state)
    result = hpo("--trial", "0", "--trial", "1")
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {says}")
    assert len(result.output.splitlines()) == 1
    assert len(search.trials()) == 2


def test_what_another_program_told_is_trained(search: Search, hpo) -> None:
    space = distributions(search.config.optuna.search_space)
    search.study.add_trial(create_trial(value=0.9, params={LR: 3e-4}, distributions=space))
    search.study.add_trial(create_trial(value=0.9))
    assert hpo("--trial", "0").output.startswith("trial 0 is queued again as trial 2\n")
    assert search.trials()[2].system_attrs["fixed_params"] == {LR: 3e-4}
    without = hpo("--trial", "1").output
    assert without == "Error: trial 1 was told without parameters: nothing to try again\n"


def test_an_infeasible_trial_is_refused_as_that(search: Search, hpo) -> None:
    trial = search.study.ask()
    trial.set_constraint("memory", 1.0)
    search.study.tell(trial, state=TrialState.PRUNED)
    assert "trial 0 is infeasible: its settings cannot be trained" in hpo("--trial", "0").output


def test_a_trial_that_is_not_there_is_named_with_the_last_that_is(search: Search, hpo) -> None:
    assert "there is no trial 0 in the study; it has no trials yet" in hpo("--trial", "0").output
    add(search, TrialState.FAIL)
    assert "there is no trial 7 in the study; its last is trial 0" in hpo("--trial", "7").output


def test_a_second_retry_is_refused_unless_again(search: Search, hpo) -> None:
    add(search, TrialState.FAIL)
    hpo("--trial", "0")
    refused = hpo("--trial", "0")
    assert refused.exit_code == 1
    assert "trial 0 is tried again already: trial 1 waits in the queue; --again" in refused.output
    assert "trial 0 is queued again as trial 2" in hpo("--trial", "0", "--again").output


def test_parameters_the_space_does_not_hold_are_refused(search: Search, hpo) -> None:
    for params in ({"x": 1}, {LR: 5.0}):
        search.study.enqueue_trial(params)
        search.study.tell(search.study.ask(), state=TrialState.FAIL)
    assert (
        "trial 0: the queued parameter x is not in the search space" in hpo("--trial", "0").output
    )
    assert "outside the range" in hpo("--trial", "1").output


def test_a_trial_that_failed_without_parameters_is_refused(search: Search, hpo) -> None:
    search.study.tell(search.study.ask(), state=TrialState.FAIL)
    assert "failed before it had parameters" in hpo("--trial", "0").output


def test_a_spent_budget_is_said_with_what_extends_it(search: Search, hpo) -> None:
    for worker in "ab":
        lease = search.claim(worker)
        search.trial(lease).suggest_float(LR, 1e-5, 1e-3, log=True)
        search.study.tell(search.trials()[-1].number, state=TrialState.FAIL)
        search.leases().done(lease)
    result = hpo("--trial", "0", "--trial", "1")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == (
        "the budget is spent: 2 of 2 trials are taken and 2 wait; extend it:"
        " hpo create --study s -o optuna.n_trials=4"
    )


def test_a_combination_of_a_finite_space_that_failed_runs_again_within_its_budget(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = {BATCH: {"choices": [8, 16]}}
    search = small_search(database, tmp_path, space=space, n_trials=20)

    def break_down() -> None:
        raise RuntimeError("disk")

    fit = ScriptedFit(0.1, 0.2, 0.3)
    monkeypatch.setattr("hpo.objective.fit", fit)
    fit.before[2] = break_down
    search.worker("w1", max_trials=1).run()
    fit.before.clear()
    search.worker("w2").run()
    assert (collect(database, "s").budget, len(search.trials())) == (2, 2)

    assert retry(database, "s", [0]).budget.startswith("next: hpo worker")
    search.worker("w3").run()
    assert (collect(database, "s").budget, len(search.trials())) == (3, 3)
    assert search.trials()[2].state == TrialState.COMPLETE
    assert search.trials()[2].params == search.trials()[0].params


def test_a_retry_in_a_study_whose_time_is_over_is_said_not_to_run(
    database: Database, tmp_path: Path
) -> None:
    search = small_search(database, tmp_path, n_trials=4, timeout=60)
    long_ago = create_trial(
        state=TrialState.FAIL,
        params={LR: 2e-4},
        distributions=distributions(search.config.optuna.search_space),
    )
    began = datetime.fromtimestamp(database.now() - 86400, UTC)
    long_ago.datetime_start = began.replace(tzinfo=None)
    search.study.add_trial(long_ago)
    assert retry(database, "s", [0]).budget == (
        "it will not run: the study's timeout of 60 s is over, and no extension moves a timeout"
    )
