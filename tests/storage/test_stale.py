"""Running trials that nobody holds, on both databases; the PostgreSQL's own clock is Seoul's."""

import socket
import threading

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage.errors import Unreachable
from storage.lease_rows import read_clock
from storage.leases import Leases
from storage.stale import RunOut, StaleTrials, Unheld
from storage.tables import LEASES, TRIALS
from storage.url import StorageURL

pytestmark = [
    pytest.mark.filterwarnings("ignore:Argument ``heartbeat_interval`` is an experimental"),
    pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed"),
]


@pytest.fixture
def stale(database, study_id):
    return StaleTrials(database, study_id)


@pytest.fixture
def leases(database, study_id):
    return Leases(database, study_id)


@pytest.fixture
def plain(url, study):
    """The study as a program sees it that knows Optuna only, its heartbeat switched on."""
    storage = optuna.storages.RDBStorage(url.sqlalchemy, heartbeat_interval=60)
    yield optuna.load_study(study_name="s", storage=storage)
    storage.remove_session()
    storage.engine.dispose()


@pytest.fixture
def age(database):
    """Make a trial's start and its heartbeat so much older, as the database keeps them."""

    def change(trial, seconds):
        own = {"trial": trial._trial_id}
        with database.writing() as connection:
            for table, column in (("trials", "datetime_start"), ("trial_heartbeats", "heartbeat")):
                older = f"{column} - interval '{seconds} seconds'"
                if database.url.is_sqlite:
                    older = f"strftime('%Y-%m-%d %H:%M:%f000', {column}, '-{seconds} seconds')"
                statement = f"UPDATE {table} SET {column} = {older} WHERE trial_id = :trial"
                connection.execute(sa.text(statement), own)

    return change


def beat(plain):
    trial = plain.ask()
    plain._storage.record_heartbeat(trial._trial_id)
    return trial


def test_trial_in_hand_is_nobodys_business(study, leases, stale):
    leases.start(leases.claim("a", n_trials=1))
    study.enqueue_trial({"x": 0.5})
    study.tell(study.ask(), 1.0)
    assert stale.rows() == []
    assert stale.unleased() == 0


def test_trial_whose_lease_ran_out_is_found_with_its_worker(leases, stale, run_out):
    leases.start(leases.claim("a", n_trials=1))
    run_out()
    (row,) = stale.rows()
    assert (row.number, row.lease.worker, row.lease.attempt) == (0, "a", 1)
    assert not row.lease.given_back
    assert row.lease.ago_s == pytest.approx(40, abs=15)
    assert stale.unleased() == 0


def test_trial_given_back_and_trial_of_a_dead_worker_have_no_time(leases, stale):
    for worker in "ab":
        lease = leases.start(leases.claim(worker, n_trials=2))
    leases.release(lease)
    leases.forfeit("a")
    assert [row.lease for row in stale.rows()] == [
        RunOut("a", 1, given_back=False, ago_s=None),
        RunOut("b", 1, given_back=True, ago_s=None),
    ]


def test_trial_without_a_lease_is_judged_by_its_start(plain, stale, age):
    age(plain.ask(), 500)
    (row,) = stale.rows()
    assert row == Unheld(0, None, beats=False, silent_s=row.silent_s)
    assert row.silent_s == pytest.approx(500, abs=30)
    assert stale.unleased() == 1


def test_trial_with_a_heartbeat_is_judged_by_that(plain, stale, age):
    trial = beat(plain)
    (row,) = stale.rows()
    assert (row.beats, row.lease) == (True, None)
    assert row.silent_s == pytest.approx(0, abs=30)
    age(trial, 500)
    assert stale.rows()[0].silent_s == pytest.approx(500, abs=30)
    plain._storage.record_heartbeat(trial._trial_id)
    assert stale.rows()[0].silent_s == pytest.approx(0, abs=30)


@pytest.fixture
def mute():
    """The URL of a server that lets everybody in and answers no statement."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def let_in():
            with listener.accept()[0] as connection:
                connection.recv(1024)
                connection.sendall(b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I")
                over.wait()

        thread = threading.Thread(target=let_in)
        thread.start()
        port = listener.getsockname()[1]
        yield StorageURL.parse(f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable")
        over.set()
        thread.join()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_server_that_is_silent_about_its_time_zone_is_given_up(
    database, plain, stale, mute, monkeypatch
):
    monkeypatch.setattr("storage.watched.ANSWER_S", 0.3)
    beat(plain)
    monkeypatch.setattr(database, "url", mute)
    with pytest.raises(Unreachable, match="no answer for"):
        stale.rows()


def test_heartbeat_of_a_session_in_utc_is_no_older_for_it(database, study, stale):
    trial = study.ask()
    with database.writing() as connection:
        now = sa.text("INSERT INTO trial_heartbeats (trial_id, heartbeat) VALUES (:trial, :now)")
        utc = sa.text("SELECT CURRENT_TIMESTAMP")
        stamp = connection.execute(utc).scalar()
        if not database.url.is_sqlite:
            stamp = stamp.replace(tzinfo=None)
        connection.execute(now, {"trial": trial._trial_id, "now": stamp})
    assert stale.rows()[0].silent_s == pytest.approx(0, abs=30)


def test_lost_lease_row_and_lease_of_another_trial_leave_a_trial_without(database, leases, stale):
    leases.start(leases.claim("a", n_trials=2))
    leases.start(leases.claim("b", n_trials=2))
    with database.writing() as connection:
        connection.execute(LEASES.delete().where(LEASES.c.slot == 0))
    assert [(row.number, row.lease) for row in stale.rows()] == [(0, None)]


def test_trial_that_another_program_took_from_the_queue_has_no_lease(study, plain, leases, stale):
    study.enqueue_trial({"x": 0.5})
    reserved = leases.claim("a", n_trials=2)
    plain.ask()
    assert [(row.number, row.lease) for row in stale.rows()] == [(0, None)]
    leases.start(reserved)
    assert [(row.number, row.lease) for row in stale.rows()] == [(0, None)]


def test_silent_trial_is_failed_with_the_reason_and_its_end(database, study, plain, stale, age):
    trial = plain.ask()
    trial.report(0.5, 1)
    age(trial, 100)
    assert stale.fail(0, reason="왜", silent_s=90)
    (frozen,) = study.get_trials()
    assert (frozen.state, frozen.user_attrs) == (TrialState.FAIL, {"hpo:error": "왜"})
    assert frozen.intermediate_values == {1: 0.5}
    assert frozen.duration.total_seconds() == pytest.approx(100, abs=30)
    assert stale.rows() == []


def test_trial_that_shows_life_again_is_not_failed(study, plain, stale, age):
    trial = beat(plain)
    age(trial, 900)
    assert stale.rows()[0].silent_s > 600
    plain._storage.record_heartbeat(trial._trial_id)
    assert not stale.fail(0, reason="why", silent_s=600)
    assert study.get_trials()[0].state == TrialState.RUNNING


def test_trial_that_has_a_lease_or_has_ended_is_not_failed(study, plain, leases, stale, run_out):
    leases.start(leases.claim("a", n_trials=1))
    run_out()
    plain.tell(plain.ask(), 1.0)
    assert not any(stale.fail(number, reason="why", silent_s=0) for number in range(3))
    assert [trial.state for trial in study.get_trials()] == [
        TrialState.RUNNING,
        TrialState.COMPLETE,
    ]


def test_fail_whose_answer_was_lost_is_told_as_done(study, plain, stale, lose_answer):
    plain.ask()
    lost = lose_answer()
    assert stale.fail(0, reason="why", silent_s=0)
    assert lost


def test_another_studys_trials_are_left(database, study, plain, stale):
    other = optuna.create_study(storage=database.storage, study_name="t")
    plain.ask()
    other.ask()
    assert stale.fail(0, reason="why", silent_s=0)
    assert [trial.state for trial in other.get_trials()] == [TrialState.RUNNING]


def test_trial_without_a_start_counts_as_begun_long_ago(database, study, stale):
    study.ask()
    with database.writing() as connection:
        connection.execute(TRIALS.update().values(datetime_start=None))
        now = read_clock(connection)
    assert stale.rows()[0].silent_s == pytest.approx(now, abs=30)
