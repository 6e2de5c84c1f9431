"""What a trial keeps in the database, and what is read back from it."""

from dataclasses import replace

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState, create_trial
from scripted_fit import evaluation, result
from trained_trial import OWN, trained_trial

from hpo import trial_record
from hpo.trial_record import Best
from storage.connect import Database


@pytest.fixture
def study(database: Database) -> Study:
    return optuna.create_study(storage=database.storage, study_name="s", direction="maximize")


def test_a_point_has_every_number_of_its_evaluation() -> None:
    assert evaluation(2, 0.25).as_mapping() == {
        "step": 2,
        "epoch": 2.0,
        "rouge1": 0.25,
        "rouge2": 0.25,
        "rougeL": 0.25,
        "rouge_combined_f1": 0.25,
        "train_loss": 0.5,
        "eval_loss": 1.0,
        "learning_rate": 1e-4,
        "seconds": 2.0,
    }


def test_a_curve_is_read_back_as_it_was_kept(database: Database, study: Study) -> None:
    trial = study.ask()
    assert trial_record.curve(database.storage.get_trial(trial._trial_id)) == []
    points = [evaluation(step, 0.1 * step).as_mapping() for step in (1, 2, 3)]
    trial_record.keep_curve(database.storage, trial._trial_id, points[:2])
    trial_record.keep_curve(database.storage, trial._trial_id, points)
    assert trial_record.curve(database.storage.get_trial(trial._trial_id)) == points


def test_a_result_is_kept_with_what_it_ran_on(study: Study) -> None:
    trial_record.record_result(study.ask(), result(evaluation(1, 0.1), evaluation(2, 0.3)))
    assert study.get_trials()[0].user_attrs == {
        "hpo:best_epoch": 2.0,
        "hpo:checkpoint": "outputs/evaluation-2",
        "hpo:seconds": 3.0,
        "hpo:machine": {
            "device": "cpu",
            "precision": "fp32",
            "precision_reason": "the CPU has no faster one",
            "cpu_threads": 1,
            "micro_batches": [],
        },
    }


def test_a_result_of_two_machines_is_kept_with_the_first(study: Study) -> None:
    mixed = replace(result(evaluation(1, 0.1)), earlier=("cpu in fp32 with 8 threads",))
    trial_record.record_result(study.ask(), mixed)
    machine = study.get_trials()[0].user_attrs["hpo:machine"]
    assert machine["begun_on"] == ["cpu in fp32 with 8 threads"]
    assert machine["cpu_threads"] == 1


def test_an_error_is_kept_with_the_end_of_its_traceback(database: Database, study: Study) -> None:
    def deep(levels: int) -> None:
        if levels == 0:
            raise ValueError("바닥: postgresql://u:s3cret@h/d")
        exec(f"deep({levels - 1})", {"deep": deep})

    trial = study.ask()
    with pytest.raises(ValueError, match="바닥") as caught:
        deep(100)
    message = trial_record.record_error(database.storage, trial._trial_id, caught.value)
    (kept,) = study.get_trials()
    trace = kept.system_attrs[trial_record.TRACEBACK]
    assert kept.user_attrs[trial_record.ERROR] == message
    assert message.startswith("ValueError: 바닥: postgresql://u:")
    assert len(trace) == trial_record.TRACEBACK_CHARACTERS
    assert trace.rstrip().endswith(message.removeprefix("ValueError: "))
    assert "s3cret" not in message + trace


def test_the_earliest_of_equal_trials_is_the_best(study: Study) -> None:
    for value in (0.2, 0.4, 0.4, 0.3):
        study.add_trial(trained_trial(value=value))
    best = OWN.best(study)
    assert best is not None
    assert (best.number, best.value) == (1, 0.4)


def test_only_completed_trials_can_be_the_best(study: Study) -> None:
    study.add_trial(trained_trial(value=0.9, state=TrialState.PRUNED))
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.ask()
    assert OWN.best(study) is None


def test_a_trial_that_another_program_told_cannot_win_whatever_it_reported(study: Study) -> None:
    study.add_trial(create_trial(value=0.9, intermediate_values={1: 0.4, 2: 0.9}))
    assert OWN.best(study) is None
    study.add_trial(create_trial(value=0.5, user_attrs={trial_record.BEST_EPOCH: 2}))  # as at first
    assert OWN.best(study) == Best(
        number=1, value=0.5, epoch=2.0, params={}, machine={}, checkpoint=""
    )
