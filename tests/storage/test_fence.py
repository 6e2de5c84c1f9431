"""What a worker still has in hand when it loses its lease must not reach the trial."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait

import optuna
import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from storage.connect import connect
from storage.errors import LeaseLost, Unreachable
from storage.leases import Lease, Leases
from storage.tables import LEASES

IN_ITS_WAY_S = 0.3  # long enough to see that something waits
MANY_TIMES_ENOUGH_S = 20.0
UNIFORM = FloatDistribution(0, 1)
WRITES = {
    "parameter": lambda storage, trial_id: storage.set_trial_param(trial_id, "x", 0.5, UNIFORM),
    "report": lambda storage, trial_id: storage.set_trial_intermediate_value(trial_id, 1, 0.5),
    "user": lambda storage, trial_id: storage.set_trial_user_attr(trial_id, "k", 1),
    "system": lambda storage, trial_id: storage.set_trial_system_attr(trial_id, "k", 1),
    "complete": lambda storage, trial_id: storage.set_trial_state_values(
        trial_id, TrialState.COMPLETE, [0.5]
    ),
    "fail": lambda storage, trial_id: storage.set_trial_state_values(trial_id, TrialState.FAIL),
}
PAUSED = """
import os, signal, sys
import optuna
from storage.connect import connect
from storage.errors import LeaseLost, Unreachable
from storage.leases import Leases
from storage.url import StorageURL

with connect(StorageURL.parse(sys.argv[1])) as database:
    study = optuna.load_study(storage=database.storage, study_name="s")
    leases = Leases(database, study._study_id)
    lease = leases.start(leases.claim("paused", n_trials=1))
    trial = optuna.trial.Trial(study, lease.trial_id)
    trial.report(0.25, 1)
    with database.fence(lease):
        assert leases.renew(lease)
        print("confirmed", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        for write in (
            lambda: trial.report(0.5, 2),
            lambda: trial.set_user_attr("k", 1),
            lambda: study.tell(trial, 0.5),
        ):
            try:
                write()
            except LeaseLost:
                print("lost", flush=True)
"""


@pytest.fixture
def leases(database, study_id):
    return Leases(database, study_id)


@pytest.fixture
def run_out(database):
    def age():
        row = LEASES.update().values(expires_at=1.0)
        database.transaction(lambda connection: connection.execute(row).rowcount)

    return age


@pytest.fixture
def lease(leases):
    return leases.start(leases.claim("a", n_trials=9))


def content(study):
    trial = study.get_trials()[0]
    parts = (trial.params, trial.intermediate_values, trial.user_attrs, trial.system_attrs)
    return (trial.state, trial.values, *parts)


@pytest.mark.parametrize("write", WRITES)
def test_holder_writes_through_the_fence_as_ever(database, study, lease, write):
    before = content(study)
    with database.fence(lease):
        WRITES[write](database.storage, lease.trial_id)
    assert content(study) != before


@pytest.mark.parametrize("write", WRITES)
def test_nothing_of_a_worker_arrives_once_its_trial_is_anothers(
    database, study, lease, run_out, write
):
    leases = Leases(database, study._study_id)
    before = content(study)
    with database.fence(lease):
        assert leases.renew(lease)
        run_out()
        taken = leases.claim("b", n_trials=9)
        with pytest.raises(LeaseLost, match="slot 0 is no longer worker a's"):
            WRITES[write](database.storage, lease.trial_id)
        assert content(study) == before
    with database.fence(taken):
        WRITES[write](database.storage, lease.trial_id)
    assert content(study) != before


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
def test_who_ends_its_trial_has_closed_its_lease(database, study, leases, lease, state):
    values = [0.5] if state == TrialState.COMPLETE else None
    with database.fence(lease):
        database.storage.set_trial_state_values(lease.trial_id, state, values)
    assert [row.done for row in leases.rows()] == [True]
    assert not leases.done(lease)
    assert study.get_trials()[0].state == state


def test_end_that_is_not_written_leaves_the_lease_open(database, study, leases, lease):
    study.tell(0, 0.25)  # another program's
    with database.fence(lease), pytest.raises(UpdateFinishedTrialError):
        WRITES["complete"](database.storage, lease.trial_id)
    assert [row.done for row in leases.rows()] == [False]
    assert study.get_trials()[0].value == 0.25


@pytest.mark.parametrize("end", ["release", "done"])
def test_worker_that_gave_its_lease_up_writes_no_more(database, study, leases, lease, end):
    assert getattr(leases, end)(lease)
    with database.fence(lease), pytest.raises(LeaseLost):
        WRITES["report"](database.storage, lease.trial_id)


def test_lease_that_ran_out_and_nobody_took_still_writes(database, study, lease, run_out):
    run_out()
    with database.fence(lease):
        WRITES["report"](database.storage, lease.trial_id)
    assert study.get_trials()[0].intermediate_values == {1: 0.5}


def test_writes_to_other_trials_and_to_the_study_pass(database, study, leases, lease, run_out):
    other = study.ask()
    with database.fence(lease):
        run_out()
        leases.claim("b", n_trials=9)
        other.report(0.5, 1)
        study.set_user_attr("k", 1)
        study.tell(other, 0.5)
    assert study.user_attrs == {"k": 1}


def test_fence_ends_with_its_context(database, study, leases, lease, run_out):
    with database.fence(lease):
        run_out()
        leases.claim("b", n_trials=9)
    WRITES["report"](database.storage, lease.trial_id)
    assert study.get_trials()[0].intermediate_values == {1: 0.5}


def test_lease_without_a_trial_has_nothing_to_fence(database, leases):
    with (
        pytest.raises(ValueError, match="start its lease first"),
        database.fence(leases.claim("a", n_trials=1)),
    ):
        pass


def test_takeover_waits_for_a_write_that_has_passed_the_fence(url, database, study, lease, run_out):
    """Between the check and the commit the trial stays the writer's."""
    run_out()
    engine = database.storage._backend.engine
    with connect(url) as other, ThreadPoolExecutor(1) as pool:
        claims = []

        def claim_meanwhile(_):
            claimed = pool.submit(Leases(other, study._study_id).claim, "b", n_trials=9)
            claims.append((claimed, wait([claimed], timeout=IN_ITS_WAY_S).done))

        sa.event.listen(engine, "commit", claim_meanwhile)
        with database.fence(lease):
            WRITES["report"](database.storage, lease.trial_id)
        sa.event.remove(engine, "commit", claim_meanwhile)
        [(claimed, at_once)] = claims
        assert not at_once
        assert isinstance(claimed.result(), Lease)
    assert study.get_trials()[0].intermediate_values == {1: 0.5}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("write", ["report", "complete"])
def test_writer_frozen_before_its_commit_holds_up_a_takeover_only_for_a_while(
    database, lease, run_out, write, monkeypatch
):
    """Or the whole search would wait for it, since a takeover is decided under the study's lock."""
    monkeypatch.setattr("storage.study_lock.DECISION_S", 0.2)
    run_out()
    engine = database.storage.engine
    with connect(database.url) as other:
        taken = []

        def freeze(_):
            taken.append(Leases(other, lease.study_id).claim("b", n_trials=9))

        sa.event.listen(engine, "commit", freeze)
        with database.fence(lease), pytest.raises(Unreachable, match="idle-in-transaction"):
            WRITES[write](database.storage, lease.trial_id)
        sa.event.remove(engine, "commit", freeze)
    assert [(got.trial_id, got.attempt) for got in taken] == [(lease.trial_id, 2)]
    trial = database.storage.get_trial(lease.trial_id)
    assert (trial.state, trial.intermediate_values) == (TrialState.RUNNING, {})


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_writer_of_a_studys_attribute_holds_up_no_decision(url, database, study):
    engine = database.storage.engine
    with connect(url) as other, ThreadPoolExecutor(1) as pool:
        claims = []

        def claim_meanwhile(_):
            claimed = pool.submit(Leases(other, study._study_id).claim, "b", n_trials=9)
            wait([claimed], timeout=MANY_TIMES_ENOUGH_S)
            claims.append(claimed.done())

        sa.event.listen(engine, "commit", claim_meanwhile)
        study.set_user_attr("k", 1)
        sa.event.remove(engine, "commit", claim_meanwhile)
        assert claims[0]


def test_process_paused_between_its_confirmation_and_its_writes_changes_nothing(
    url, database, study, leases, run_out
):
    command = [sys.executable, "-c", PAUSED, url.sqlalchemy]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "confirmed\n"
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        run_out()
        taken = leases.claim("b", n_trials=1)
        trial = Trial(study, taken.trial_id)
        trial.report(0.75, 2)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read().split() == ["lost"] * 3
    assert process.returncode == 0
    assert content(study)[3] == {1: 0.25, 2: 0.75}
    study.tell(trial, 0.75)
    assert leases.done(taken)
    assert optuna.load_study(storage=database.storage, study_name="s").best_value == 0.75
