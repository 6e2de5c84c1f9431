"""Queueing a failed trial's parameters again, on both databases."""

import optuna
import pytest
from optuna.trial import TrialState

from storage.errors import AlreadyQueued, NoDatabase
from storage.leases import Leases
from storage.retries import queue_again


@pytest.fixture
def failed(study):
    trial = study.ask()
    trial.suggest_float("x", 0, 1)
    study.tell(trial, state=TrialState.FAIL)
    return trial.number


def test_retry_is_row_for_row_what_optuna_would_have_enqueued(database, study, failed):
    queued = queue_again(database, study._study_id, {failed: {"x": 0.5}})
    study.enqueue_trial({"x": 0.5}, user_attrs={"hpo:retry_of": failed})
    ours, optunas = study.get_trials()[1:]
    assert queued == {failed: ours.number}
    assert (ours.number, optunas.number) == (1, 2)
    for name in ("state", "params", "user_attrs", "system_attrs", "datetime_start", "values"):
        assert getattr(ours, name) == getattr(optunas, name), name


def test_retry_is_taken_from_the_budget_with_its_parameters(database, study, failed):
    queue_again(database, study._study_id, {failed: {"x": 0.5}})
    leases = Leases(database, study._study_id)
    lease = leases.start(leases.claim("a", n_trials=1))
    assert leases.taken() == 1
    trial = optuna.trial.Trial(study, lease.trial_id)
    assert (trial.number, trial.suggest_float("x", 0, 1)) == (1, 0.5)
    assert trial.user_attrs == {"hpo:retry_of": failed}


@pytest.mark.parametrize(("begun", "doing"), [(False, "waits in the queue"), (True, "runs")])
def test_what_is_tried_again_already_is_refused_unless_again(database, study, failed, begun, doing):
    queue_again(database, study._study_id, {failed: {"x": 0.5}})
    if begun:
        study.ask()
    with pytest.raises(AlreadyQueued, match=f"trial 0 is tried again already: trial 1 {doing}"):
        queue_again(database, study._study_id, {failed: {"x": 0.5}})
    assert queue_again(database, study._study_id, {failed: {"x": 0.5}}, again=True) == {0: 2}


def test_retry_of_a_retry_counts_as_one_of_the_first(database, study, failed):
    queue_again(database, study._study_id, {failed: {"x": 0.5}})
    study.tell(study.ask(), state=TrialState.FAIL)
    assert queue_again(database, study._study_id, {1: {"x": 0.5}}) == {1: 2}
    with pytest.raises(AlreadyQueued, match="trial 2 waits"):
        queue_again(database, study._study_id, {failed: {"x": 0.5}})


def test_a_retry_that_has_ended_does_not_stand_in_the_way(database, study, failed):
    queue_again(database, study._study_id, {failed: {"x": 0.5}})
    study.tell(study.ask(), 1.0)
    assert queue_again(database, study._study_id, {failed: {"x": 0.5}}) == {failed: 2}


def test_where_one_is_refused_none_is_queued(database, study, failed):
    study.tell(study.ask(), state=TrialState.FAIL)
    queue_again(database, study._study_id, {1: {"x": 0.1}})
    with pytest.raises(AlreadyQueued):
        queue_again(database, study._study_id, {failed: {"x": 0.5}, 1: {"x": 0.1}})
    assert len(study.get_trials()) == 3


def test_several_who_retry_at_once_queue_one(url, study, failed, together):
    outcome = together(4, "retry", url.sqlalchemy, study._study_id, failed)
    assert outcome.codes == [0] * 4
    assert min(outcome.results, key=str) == 1
    assert [result for result in outcome.results if "already" in str(result)] == [
        "trial 0 is tried again already: trial 1 waits in the queue; --again queues it once more"
    ] * 3
    assert len(study.get_trials()) == 2


@pytest.mark.parametrize("again", [False, True])
def test_retry_whose_answer_was_lost_is_queued_once(database, study, failed, lose_answer, again):
    lost = lose_answer()
    assert queue_again(database, study._study_id, {failed: {"x": 0.5}}, again=again) == {0: 1}
    assert lost
    assert len(study.get_trials()) == 2


def test_an_attribute_that_is_no_number_is_nobodys_retry(database, study, failed):
    study.enqueue_trial({"x": 0.1}, user_attrs={"hpo:retry_of": "0; drop"})
    assert queue_again(database, study._study_id, {failed: {"x": 0.5}}) == {failed: 2}


def test_retry_in_a_deleted_study_is_refused(database):
    with pytest.raises(NoDatabase, match=r"^the study is no longer in .*: it was deleted"):
        queue_again(database, 99, {0: {}})
