"""A trial under way: what is written when, in which order, and what never is."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from scripted_fit import evaluation, result
from small_search import EPOCHS, LR, Search, small_search
from typing_extensions import override

import storage.errors
from hpo import trial_record
from hpo.lease_keeper import LeaseLost
from hpo.stop import Stopped
from hpo.trial_info import Ending, TrialInfo
from hpo.trial_run import TrialRun
from storage.connect import Database
from trainer.evaluation import Step

FIRST_STEP = Step(1, 10, 0.1, 2.0)


class PruneAt(BasePruner):
    """Prunes every trial at these steps."""

    def __init__(self, *steps: int) -> None:
        self.steps = steps

    @override
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return trial.last_step in self.steps


class Keeper:
    """A lease that is held until `lost` is set; counts how often it was confirmed."""

    def __init__(self) -> None:
        self.lost = False
        self.confirmed = 0

    def check(self) -> None:
        if self.lost:
            raise LeaseLost

    def confirm(self) -> None:
        self.confirmed += 1
        self.check()


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


@pytest.fixture
def begin(search: Search, keeper: Keeper) -> Callable[..., TrialRun]:
    """Begin a new trial, or continue one."""

    def start(trial: Trial | None = None) -> TrialRun:
        continued = trial is not None
        trial = trial if trial is not None else search.trial()
        params = {LR: trial.suggest_float(LR, 1e-5, 1e-3, log=True)}
        run = TrialRun(search.around(), trial, keeper)  # type: ignore[arg-type]
        run.begin(search.config, params, continued=continued)
        return run

    return start


def evaluated(run: TrialRun, *values: float) -> list[bool]:
    """Evaluate with these scores in turn; whether each time the training goes on."""
    return [run.on_evaluation(evaluation(step, v)) for step, v in enumerate(values, start=1)]


def test_the_value_is_the_best_evaluation_although_the_last_is_lower(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    assert evaluated(run, 0.1, 0.4, 0.2) == [True] * 3
    outcome = run.ended(result(evaluation(1, 0.1), evaluation(2, 0.4), evaluation(3, 0.2)))
    (trial,) = search.trials()
    assert outcome.state is trial.state is TrialState.COMPLETE
    assert outcome.error is None
    assert trial.value == 0.4
    assert trial.intermediate_values == {1: 0.1, 2: 0.4, 3: 0.2}
    assert trial.user_attrs[trial_record.BEST_EPOCH] == 2.0
    assert "trial 0 completed: 0.4000 at epoch 2" in search.shown


def test_early_stopping_is_said(search: Search, begin: Callable[..., TrialRun]) -> None:
    begin().ended(result(evaluation(1, 0.1), ended="early_stopping"))
    assert "stopped early" in search.shown


def test_the_mirror_is_told_in_order(search: Search, begin: Callable[..., TrialRun]) -> None:
    run = begin()
    evaluated(run, 0.1, 0.2)
    run.ended(result(evaluation(1, 0.1), evaluation(2, 0.2)))
    assert search.mirror.words == ["start", "evaluation", "evaluation", "finish"]
    (_, info), *points, (_, ending) = search.mirror.told
    assert isinstance(info, TrialInfo)
    assert (info.study, info.number, info.continued) == ("s", 0, False)
    assert info.params == search.trials()[0].params
    assert info.metric == "rouge_combined_f1"
    assert info.name.startswith("kobart_lr")
    assert [step for _, step in points] == [1, 2]
    assert ending == Ending("complete", 0.2, None, 3.0)


def test_the_mirror_hears_of_a_trial_after_its_first_step(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    assert search.mirror.words == []
    run.on_step(FIRST_STEP)
    run.on_step(FIRST_STEP)
    assert search.mirror.words == ["start"]


def test_the_mirror_learns_nothing_of_this_machine(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    begin().on_step(FIRST_STEP)
    (_, info) = search.mirror.told[0]
    assert not {"data_path", "output_dir", "cpu_threads"} & set(info.settings["general"])
    assert search.config.general.output_dir not in str(info.settings)


def test_a_trial_that_is_left_is_released_and_not_finished(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    evaluated(run, 0.1)
    run.left()
    assert search.mirror.words == ["start", "evaluation", "release"]
    assert search.trials()[0].state is TrialState.RUNNING


@pytest.fixture
def cut_off(search: Search, begin: Callable[..., TrialRun]) -> Trial:
    """A trial whose worker left it after two evaluations, as its next worker gets it."""
    trial = search.trial()
    first = begin(trial)
    evaluated(first, 0.1, 0.2)
    first.left()
    search.mirror.told.clear()
    search.screen.truncate(0)
    return search.trial_again(trial)


def replay(run: TrialRun, *values: float) -> list[bool]:
    """Let the checkpoint tell these evaluations; whether each time the training goes on."""
    return [
        run.on_evaluation(evaluation(step, v, replayed=True))
        for step, v in enumerate(values, start=1)
    ]


def test_a_trial_that_goes_on_from_its_checkpoint_reports_what_is_new(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun]
) -> None:
    run = begin(cut_off)
    assert replay(run, 0.1, 0.2) == [True, True]
    run.on_step(Step(21, 30, 2.1, 2.0))
    assert run.on_evaluation(evaluation(3, 0.3))
    run.ended(result(evaluation(1, 0.1), evaluation(2, 0.2), evaluation(3, 0.3)))
    (trial,) = search.trials()
    assert trial.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}
    assert [point["step"] for point in trial_record.curve(trial)] == [1, 2, 3]
    assert [step for word, step in search.mirror.told if word == "evaluation"] == [3]
    assert [point["step"] for point in search.mirror.earlier[-1]] == [1, 2]
    assert search.mirror.told[0][1].continued
    assert "trial 0 continues at epoch 2: learning_rate" in search.shown
    assert "epoch 3/3" in search.shown
    assert "epoch 1/3" not in search.shown
    assert "epoch 2/3" not in search.shown


def test_a_trial_without_a_checkpoint_is_trained_again_and_reports_each_step_once(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun]
) -> None:
    run = begin(cut_off)
    run.on_step(Step(1, 30, 0.1, 2.0))
    assert evaluated(run, 0.15, 0.25, 0.3) == [True] * 3
    run.ended(result(evaluation(1, 0.15), evaluation(2, 0.25), evaluation(3, 0.3)))
    (trial,) = search.trials()
    assert trial.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}
    assert [point["step"] for point in trial_record.curve(trial)] == [1, 2, 3]
    assert [step for word, step in search.mirror.told if word == "evaluation"] == [3]
    assert "trial 0 continues from its start, no checkpoint is here" in search.shown


def test_an_evaluation_that_was_saved_and_not_reported_is_made_up_for(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun]
) -> None:
    run = begin(cut_off)
    assert replay(run, 0.1, 0.2, 0.3) == [True] * 3
    run.ended(result(evaluation(1, 0.1), evaluation(2, 0.2), evaluation(3, 0.3)))
    (trial,) = search.trials()
    assert trial.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.3}
    assert trial.value == 0.3
    assert [step for word, step in search.mirror.told if word == "evaluation"] == [3]
    assert "trial 0 continues at epoch 3" in search.shown
    assert (
        "trial 0  reported from the checkpoint: epoch 3, rouge_combined_f1 0.3000" in search.shown
    )
    assert "epoch 3/3" not in search.shown


def test_a_trial_that_was_left_right_before_an_evaluation_is_announced_first(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun]
) -> None:
    run = begin(cut_off)
    replay(run, 0.1, 0.2)
    run.on_evaluation(evaluation(3, 0.3))
    announced = search.shown.index("trial 0 continues at epoch 3")
    assert announced < search.shown.index("trial 0  epoch 3/3")


def test_a_trial_that_goes_on_is_announced_before_anything_of_it_is_reported(
    search: Search,
    cut_off: Trial,
    begin: Callable[..., TrialRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever sees a report and ends the worker finds the announcement in what it printed."""

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    run = begin(cut_off)
    replay(run, 0.1, 0.2)
    monkeypatch.setattr(Trial, "report", killed)
    with pytest.raises(KeyboardInterrupt):
        run.on_evaluation(evaluation(3, 0.3, replayed=True))
    assert "trial 0 continues at epoch 3" in search.shown


def test_only_about_the_last_step_that_was_reported_the_rules_are_asked_again(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun]
) -> None:
    cut_off.study.pruner = search.study.pruner = PruneAt(1, 2)
    run = begin(cut_off)
    assert replay(run, 0.1, 0.2) == [True, False]
    run.ended(result(evaluation(1, 0.1), evaluation(2, 0.2), ended="stopped"))
    (trial,) = search.trials()
    assert trial.state is TrialState.PRUNED
    assert trial.user_attrs[trial_record.PRUNED]["step"] == 2
    assert "trial 0 continues at epoch 2" in search.shown


def test_an_evaluation_that_was_told_before_writes_nothing(
    search: Search, cut_off: Trial, begin: Callable[..., TrialRun], keeper: Keeper
) -> None:
    before = search.trials()[0]
    run = begin(cut_off)
    replay(run, 0.1)
    assert keeper.confirmed == 0
    assert search.trials()[0] == before


def test_a_pruned_trial_keeps_the_reason(search: Search, begin: Callable[..., TrialRun]) -> None:
    search.study.pruner = PruneAt(2)
    run = begin()
    assert evaluated(run, 0.3, 0.1) == [True, False]
    outcome = run.ended(result(evaluation(1, 0.3), evaluation(2, 0.1), ended="stopped"))
    (trial,) = search.trials()
    assert outcome.state is trial.state is TrialState.PRUNED
    assert outcome.error is None
    kept = trial.user_attrs[trial_record.PRUNED]
    assert kept == {"rule": "PruneAt", "step": 2, "value": 0.1, "threshold": None, "also": []}
    assert "trial 0 pruned by PruneAt at epoch 2: 0.1000" in search.shown
    assert search.mirror.told[-1] == (
        "finish",
        Ending("pruned", 0.3, "PruneAt at epoch 2: 0.1000", 3.0),
    )


def test_the_last_evaluation_is_never_pruned(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    search.study.pruner = PruneAt(EPOCHS)
    run = begin()
    assert evaluated(run, 0.3, 0.2, 0.1) == [True] * 3
    run.ended(result(evaluation(1, 0.3), evaluation(2, 0.2), evaluation(3, 0.1)))
    (trial,) = search.trials()
    assert trial.state is TrialState.COMPLETE
    assert trial_record.PRUNED not in trial.user_attrs


def test_a_failure_keeps_message_and_traceback_without_passwords(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    evaluated(run, 0.1)
    with pytest.raises(OSError, match="no route") as caught:
        raise OSError("no route to postgresql://hpo:s3cret@db/hpo")
    outcome = run.failed(caught.value)
    (trial,) = search.trials()
    assert outcome.state is trial.state is TrialState.FAIL
    said = trial.user_attrs[trial_record.ERROR]
    assert outcome.error == said
    assert said.startswith("OSError: no route to postgresql://hpo:")
    trace = trial.system_attrs[trial_record.TRACEBACK]
    assert "test_trial_run.py" in trace
    assert "s3cret" not in said + trace + search.shown + str(search.mirror.told)
    assert search.mirror.told[-1] == ("finish", Ending("failed", reason=said))
    assert "trial 0 failed: OSError" in search.shown


def note_of(study: Study) -> str:
    """The text of trial 0's note as optuna-dashboard keeps it."""
    attributes = study._storage.get_study_system_attrs(study._study_id)
    return "".join(str(value) for key, value in attributes.items() if "note" in key)


@pytest.mark.parametrize("how", ["complete", "pruned", "failed"])
def test_every_end_leaves_a_note(search: Search, begin: Callable[..., TrialRun], how: str) -> None:
    search.study.pruner = PruneAt(*((2,) if how == "pruned" else ()))
    run = begin()
    evaluated(run, 0.1, 0.3)
    if how == "failed":
        run.failed(ValueError("broken"))
    else:
        run.ended(result(evaluation(1, 0.1), evaluation(2, 0.3)))
    note = note_of(search.study)
    assert f"**{how}**" in note
    assert "요약 2" in note


def test_samples_in_the_note_are_of_the_best_evaluation(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    run.on_evaluation(evaluation(1, 0.4))
    run.on_evaluation(evaluation(2, 0.2, is_best=False))
    run.ended(result(evaluation(1, 0.4), evaluation(2, 0.2)))
    assert "요약 1" in note_of(search.study)
    assert "요약 2" not in note_of(search.study)


def test_a_step_leaves_when_asked_to_stop(search: Search, begin: Callable[..., TrialRun]) -> None:
    run = begin()
    step = Step(1, 10, 0.1, 2.0)
    run.on_step(step)
    search.stop.set()
    with pytest.raises(Stopped):
        run.on_step(step)


def act(run: TrialRun, what: str) -> None:
    if what == "step":
        run.on_step(Step(1, 10, 0.1, 2.0))
    elif what == "evaluation":
        run.on_evaluation(evaluation(2, 0.2))
    elif what == "end":
        run.ended(result(evaluation(1, 0.1)))
    else:
        run.failed(ValueError("broken"))


@pytest.mark.parametrize("what", ["step", "evaluation", "end", "failure"])
def test_a_lost_lease_writes_nothing(
    search: Search, begin: Callable[..., TrialRun], keeper: Keeper, what: str
) -> None:
    run = begin()
    evaluated(run, 0.1)
    before, told = search.trials()[0], len(search.mirror.told)
    keeper.lost = True
    with pytest.raises(LeaseLost):
        act(run, what)
    assert search.trials()[0] == before
    assert len(search.mirror.told) == told


@pytest.mark.parametrize("what", ["evaluation", "end"])
def test_a_lease_lost_unseen_stops_at_the_database(
    search: Search, begin: Callable[..., TrialRun], what: str
) -> None:
    lease = search.claim("late")
    run = begin(Trial(search.study, lease.trial_id))
    with search.database.fence(lease):
        run.on_evaluation(evaluation(1, 0.1))
        search.let_leases_run_out()
        search.claim("next")
        before, told = search.trials()[0], len(search.mirror.told)
        with pytest.raises(storage.errors.LeaseLost):
            act(run, what)
    assert search.trials()[0] == before
    assert len(search.mirror.told) == told


def test_a_trial_that_another_program_ended_is_closed_as_that(
    search: Search, begin: Callable[..., TrialRun]
) -> None:
    run = begin()
    search.study.tell(0, state=TrialState.PRUNED)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        run.on_evaluation(evaluation(1, 0.1))
    assert run.ended_elsewhere().state is TrialState.PRUNED
    assert "trial 0 was set to PRUNED by another program" in search.shown
    assert search.mirror.words == ["start", "finish"]
