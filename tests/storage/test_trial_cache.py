import math

import optuna
import pytest
import sqlalchemy as sa
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from storage.connect import connect
from storage.errors import LeaseLost
from storage.leases import Leases

UNIFORM = optuna.distributions.FloatDistribution(0.0, 1.0)


@pytest.fixture
def storage(database):
    return database.storage


@pytest.fixture
def trial_id(study):
    return study.ask()._trial_id


@pytest.fixture
def commits(storage):
    made = []
    sa.event.listen(storage._backend.engine, "commit", made.append)
    return made


def write_all(storage, trial_id):
    storage.set_trial_param(trial_id, "x", 0.25, UNIFORM)
    storage.set_trial_intermediate_value(trial_id, 1, 0.5)
    storage.set_trial_user_attr(trial_id, "k", 1)
    storage.set_trial_system_attr(trial_id, "k", 2)


def test_what_is_written_together_is_one_transaction(storage, trial_id, commits):
    with storage.together(trial_id):
        write_all(storage, trial_id)
        storage.set_trial_user_attr(trial_id, "k", 3)
        assert storage.get_trial(trial_id).user_attrs == {}
    assert len(commits) == 1
    trial = storage.get_trial(trial_id)
    assert (trial.params, trial.intermediate_values) == ({"x": 0.25}, {1: 0.5})
    assert (trial.user_attrs, trial.system_attrs) == ({"k": 3}, {"k": 2})


def test_the_end_of_a_trial_takes_what_was_collected_along(storage, trial_id, commits):
    with storage.together(trial_id):
        write_all(storage, trial_id)
        storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
    assert len(commits) == 1
    trial = storage.get_trial(trial_id)
    assert (trial.state, trial.value, trial.user_attrs) == (TrialState.COMPLETE, 0.5, {"k": 1})


def test_error_drops_what_was_collected(storage, trial_id):
    def fail():
        with storage.together(trial_id):
            write_all(storage, trial_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert storage.get_trial(trial_id).user_attrs == {}
    storage.set_trial_user_attr(trial_id, "k", 4)
    assert storage.get_trial(trial_id).user_attrs == {"k": 4}


def test_nothing_is_written_together_to_a_trial_that_has_ended(storage, trial_id):
    storage.set_trial_state_values(trial_id, TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError), storage.together(trial_id):
        storage.set_trial_user_attr(trial_id, "k", 1)
    assert storage.get_trial(trial_id).user_attrs == {}


def test_other_trials_are_written_at_once_meanwhile(storage, study, trial_id):
    other = study.ask()._trial_id
    with storage.together(trial_id):
        storage.set_trial_user_attr(other, "k", 1)
        assert storage.get_trial(other).user_attrs == {"k": 1}


def test_lease_that_was_lost_keeps_all_of_it_out(database, storage, study_id, study, run_out):
    leases = Leases(database, study_id)
    lease = leases.start(leases.claim("a", n_trials=9))

    def write_late():
        with database.fence(lease), storage.together(lease.trial_id):
            write_all(storage, lease.trial_id)
            run_out()
            leases.claim("b", n_trials=9)

    with pytest.raises(LeaseLost):
        write_late()
    assert storage.get_trial(lease.trial_id).user_attrs == {}


def test_one_look_gives_the_same_trials_however_often_it_is_asked(url, storage, study, trial_id):
    with connect(url, create=False) as other:
        with storage.one_look():
            before = study.get_trials(deepcopy=False)
            other.storage.set_trial_intermediate_value(trial_id, 1, 0.5)
            assert study.get_trials(deepcopy=False) == before
        assert study.get_trials(deepcopy=False)[0].intermediate_values == {1: 0.5}


def test_curves_are_read_of_one_trial_only(storage, study, trial_id):
    storage.set_trial_system_attr(trial_id, "hpo:curve", [1])
    assert study.get_trials()[0].system_attrs == {}
    assert storage.get_trial(trial_id).system_attrs == {"hpo:curve": [1]}


def test_trials_come_by_number_and_by_state(storage, study):
    study.enqueue_trial({})
    for state in (TrialState.COMPLETE, TrialState.FAIL, TrialState.RUNNING):
        study.add_trial(optuna.trial.create_trial(state=state, value=1.0 if state == 1 else None))
    assert [trial.number for trial in study.get_trials()] == [0, 1, 2, 3]
    assert [t.number for t in study.get_trials(states=(TrialState.FAIL,))] == [2]


def test_study_attributes_are_read_by_key_and_by_beginning(storage, study_id):
    storage.write_study_attrs(study_id, {"a_1": 1, "a%": 2, "b": "가"})
    storage.write_study_attrs(study_id, {"a_1": 3})
    assert storage.read_study_attrs(study_id, ["a_1", "b", "c"]) == {"a_1": 3, "b": "가"}
    assert storage.find_study_attrs(study_id, "a_") == {"a_1": 3}


def test_studies_are_read_without_some_of_their_attributes(storage, study_id):
    storage.write_study_attrs(study_id, {"a:1:b_c": 1, "a:1:bxc": 2, "a:b_c": 3})
    (read,) = storage.find_studies(without=r"a:%:b\_%")
    (whole,) = storage.get_all_studies()
    assert whole.system_attrs["a:1:b_c"] == 1
    del whole.system_attrs["a:1:b_c"]
    assert read == whole
    assert read.system_attrs == whole.system_attrs


def test_parameters_of_several_kinds_are_written_together(storage, trial_id):
    kinds = {
        "whole": (3, optuna.distributions.IntDistribution(1, 9)),
        "real": (0.25, UNIFORM),
        "choice": (1, optuna.distributions.CategoricalDistribution(["a", "b"])),
    }
    with storage.together(trial_id):
        for name, (internal, distribution) in kinds.items():
            storage.set_trial_param(trial_id, name, internal, distribution)
        for step in (1, 2, 3):
            storage.set_trial_intermediate_value(trial_id, step, [1, math.inf, math.nan][step - 1])
    trial = storage.get_trial(trial_id)
    assert trial.params == {"whole": 3, "real": 0.25, "choice": "b"}
    assert list(trial.intermediate_values.values())[:2] == [1.0, math.inf]
    assert math.isnan(trial.intermediate_values[3])


def test_parameters_written_together_stand_in_the_order_in_which_they_were_drawn(storage, trial_id):
    with storage.together(trial_id):
        for name in ("b", "a", "c"):
            storage.set_trial_param(trial_id, name, 0.25, UNIFORM)
        storage.set_trial_param(trial_id, "b", 0.75, UNIFORM)
    assert list(storage.get_trial(trial_id).params.items()) == [
        ("b", 0.25),
        ("a", 0.25),
        ("c", 0.25),
    ]
