"""One trial as a worker runs it: where its models go, and whose failure is whose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from scripted_fit import ScriptedFit
from small_search import LR, Search, small_search
from typing_extensions import override

from hpo import trial_record
from hpo.lease_keeper import LeaseKeeper, LeaseLost
from hpo.share import Share
from hpo.shared_card import SharedCard
from hpo.stop import Stopped
from hpo.trial_run import Outcome
from storage.connect import Database
from storage.errors import StorageError
from trainer.errors import OutOfMemory

Run = Callable[..., Outcome]


class PruneFirst(BasePruner):
    """Prunes every trial at its first evaluation."""

    @override
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return True


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ScriptedFit:
    scripted = ScriptedFit(0.1, 0.3, 0.2)
    monkeypatch.setattr("hpo.objective.fit", scripted)
    return scripted


@pytest.fixture
def run(search: Search) -> Run:
    """Take a trial and run it with these parameters."""

    def start(learning_rate: float = 1e-4, *, continued: bool = False) -> Outcome:
        lease = search.claim("w1")
        trial = search.trial(lease)
        trial.suggest_float(LR, learning_rate, learning_rate)
        keeper = LeaseKeeper(search.leases(), search.workers, lease)
        params = {LR: learning_rate}
        return search.objective().run(trial, params, keeper, continued=continued)

    return start


def test_a_trial_trains_the_studys_configuration_with_its_parameters(
    search: Search, fit: ScriptedFit, run: Run
) -> None:
    assert run(3e-4) == Outcome(TrialState.COMPLETE)
    (settings,) = fit.settings
    training = search.config.training.model_copy(update={"learning_rate": 3e-4})
    assert settings == search.config.model_copy(update={"training": training})


def test_each_trial_has_a_folder_of_its_own_which_the_study_remembers(
    search: Search, fit: ScriptedFit, run: Run
) -> None:
    run()
    run()
    outputs = Path(search.config.general.output_dir)
    assert fit.folders == [outputs / "s" / "trial_00000", outputs / "s" / "trial_00001"]
    for trial, folder in zip(search.trials(), fit.folders, strict=True):
        assert trial.user_attrs[trial_record.CHECKPOINT] == str(folder / "evaluation-2")


def test_a_trial_that_needs_the_whole_card_reports_what_it_had_only_once(
    search: Search, fit: ScriptedFit, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_little() -> None:
        fit.before.clear()
        raise OutOfMemory("one example does not fit")

    fit.before[2] = too_little
    card = SharedCard(Share(2, str(tmp_path / "cards" / "0")), lambda _: None)
    alone = search.objective
    monkeypatch.setattr(search, "objective", lambda: replace(alone(), card=card))
    assert run() == Outcome(TrialState.COMPLETE)
    (trial,) = search.trials()
    assert trial.intermediate_values == {1: 0.1, 2: 0.3, 3: 0.2}
    assert [point["step"] for point in trial.system_attrs["hpo:curve"]] == [1, 2, 3]
    assert search.mirror.words == ["start", *["evaluation"] * 3, "finish"]


def test_a_pruned_trials_models_are_removed(search: Search, fit: ScriptedFit, run: Run) -> None:
    search.study.pruner = PruneFirst()
    assert run().state is TrialState.PRUNED
    (folder,) = fit.folders
    assert not folder.exists()


def test_a_completed_trials_models_stay(fit: ScriptedFit, run: Run) -> None:
    run()
    (folder,) = fit.folders
    assert (folder / "evaluation-2" / "settings.yaml").exists()


def test_an_error_in_training_fails_the_trial_with_its_reason(
    search: Search, fit: ScriptedFit, run: Run
) -> None:
    def explode() -> None:
        raise RuntimeError("CUDA out of memory")

    fit.before[2] = explode
    assert run() == Outcome(TrialState.FAIL, "RuntimeError: CUDA out of memory")
    (trial,) = search.trials()
    assert trial.state is TrialState.FAIL
    assert trial.intermediate_values == {1: 0.1}
    assert "in explode" in trial.system_attrs[trial_record.TRACEBACK]


@pytest.mark.parametrize("error", [Stopped, LeaseLost, KeyboardInterrupt])
def test_what_only_ends_the_worker_passes_through(
    search: Search, fit: ScriptedFit, run: Run, error: type[BaseException]
) -> None:
    def end() -> None:
        raise error

    fit.before[2] = end
    with pytest.raises(error):
        run()
    (trial,) = search.trials()
    assert trial.state is TrialState.RUNNING
    assert trial.user_attrs == {}
    # A second Ctrl-C leaves no time for W&B.
    released = error is not KeyboardInterrupt
    assert search.mirror.words == ["start", "evaluation"] + ["release"] * released


def test_a_database_that_fails_before_the_training_does_not_fail_the_trial(
    search: Search, fit: ScriptedFit, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(trial: FrozenTrial) -> list[dict[str, float]]:
        raise optuna.exceptions.StorageInternalError("the connection was lost")

    monkeypatch.setattr("hpo.trial_record.curve", away)
    with pytest.raises(StorageError):
        run()
    assert search.trials()[0].state is TrialState.RUNNING
    assert fit.settings == []


def test_refused_parameters_fail_their_trial(search: Search) -> None:
    lease = search.claim("w1")
    assert lease.trial_id is not None
    outcome = search.objective().refuse(lease.trial_id, ValueError("7 is outside the range"))
    assert outcome == Outcome(TrialState.FAIL, "ValueError: 7 is outside the range")
    assert search.trials()[0].state is TrialState.FAIL
    assert "trial 0 failed: ValueError: 7 is outside" in search.shown
