"""A real PostgreSQL that is stopped, crashes, freezes or kills its connections, and a locked file.

Every call of a worker is made while the database is away, all at once, and each has to end well.
"""

import logging
import random
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import optuna
import psycopg
import pytest
from optuna.trial import TrialState
from own_server import own_server
from worker_calls import PATIENT, Calls

from storage.connect import connect
from storage.errors import Unreachable
from storage.leases import Leases, Wait
from storage.patience import Patience
from storage.url import StorageURL

OUTAGE_S = 15.0
LEASE_S = 2.0
LOCKED_S = 6.5  # longer than one try of SQLite's own
TRIALS = 40
MOST_KILLS = 250


@pytest.fixture(scope="module")
def server():
    with own_server() as started:
        yield started


@pytest.fixture
def database(server):
    with connect(server.url, patience=PATIENT) as opened:
        yield opened
        for summary in optuna.get_all_study_summaries(opened.storage):
            opened.storage.delete_study(summary._study_id)


class Fire:
    """Kills connections of one database at random, from a thread, until its end."""

    def __init__(self, url):
        self._url = url
        self._end = threading.Event()
        self._kills = 0
        self._thread = threading.Thread(target=self._shoot)

    def start(self):
        self._thread.start()

    def end(self):
        self._end.set()
        self._thread.join()
        return self._kills

    def _shoot(self):
        rng = random.Random(1)
        with psycopg.connect(self._url, autocommit=True) as admin:
            # Not without end: on a slow machine nobody would keep a connection for long enough.
            while self._kills < MOST_KILLS and not self._end.wait(rng.uniform(0, 0.1)):
                row = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                    " current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
                ).fetchone()
                self._kills += row is not None


@pytest.fixture
def url_under_fire(postgres_url, ready_template, postgres_server):
    name = StorageURL.parse(postgres_url).database
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name}")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {ready_template}")
    fire = Fire(postgres_url)
    yield StorageURL.parse(postgres_url), fire
    fire.end()


def test_every_call_outlasts_an_outage_and_two_lines_tell_of_it(server, database, caplog):
    calls = Calls(database)
    with ThreadPoolExecutor(20) as pool, caplog.at_level(logging.WARNING, "storage"):
        server.stop()
        made = {name: pool.submit(call) for name, call in calls.all().items()}
        done, _ = wait(made.values(), timeout=OUTAGE_S)
        assert not done
        server.start()
        results = {name: call.result() for name, call in made.items()}
    calls.check(results)
    told = [record.message for record in caplog.records if record.name == "storage.retry"]
    # The call that connects has no other connection's outage to share: it tells its own.
    assert [line for line in told if "asking again for up to 120 s" in line] == told[:2]
    assert [line for line in told if "answers again, after" in line] == told[2:]
    assert len(told) == 4


def test_calls_outlast_a_crash_of_the_server_and_its_recovery(server, database):
    calls = Calls(database)
    with ThreadPoolExecutor(20) as pool:
        made = {}
        for name, call in calls.all().items():
            made[name] = pool.submit(call)
            if name == "start":
                server.crash()
        server.start()
        results = {name: call.result() for name, call in made.items()}
    calls.check(results)


def test_optunas_own_loop_lives_through_a_restart_before_its_tell(server, database):
    """Plain Optuna dies here with UnboundLocalError: updated_state."""
    study = optuna.create_study(storage=database.storage)

    def objective(trial):
        server.restart()
        return trial.suggest_float("x", 0, 1)

    study.optimize(objective, n_trials=1)
    assert [trial.state for trial in study.get_trials()] == [TrialState.COMPLETE]


def test_server_that_is_there_and_silent_is_noticed_and_outlasted(server, database, monkeypatch):
    monkeypatch.setattr("storage.watched.ANSWER_S", 0.5)
    monkeypatch.setattr("storage.engines.CONNECT_TIMEOUT_S", 2)
    study = optuna.create_study(storage=database.storage)
    trial = study.ask()
    with ThreadPoolExecutor(1) as pool:
        with server.frozen():
            reported = pool.submit(trial.report, 0.5, 1)
            while database._retry._outage.lasts_s is None:
                time.sleep(0.05)
            assert not reported.done()
        reported.result()
    assert study.get_trials()[0].intermediate_values == {1: 0.5}


def test_worker_that_lived_through_an_outage_keeps_its_trial(server, database):
    """Else a waiting worker may ask first, and the third outage fail a trial that harms nobody."""
    study = optuna.create_study(storage=database.storage)
    leases = Leases(database, study._study_id, lease_s=LEASE_S)
    held = leases.start(leases.claim("a", n_trials=1))
    with ThreadPoolExecutor(1) as pool:
        server.stop()
        claimed = pool.submit(leases.claim, "b", n_trials=1)
        time.sleep(1.5 * LEASE_S)
        server.start()
        assert isinstance(claimed.result(), Wait)
    assert isinstance(leases.claim("b", n_trials=1), Wait)
    assert leases.renew(held)
    time.sleep(1.1 * LEASE_S)  # now it has died
    taken = leases.claim("b", n_trials=1)
    assert (taken.trial_id, taken.attempt) == (held.trial_id, 2)


@pytest.mark.parametrize("silent", [False, True], ids=["stopped", "frozen"])
def test_stop_request_ends_the_wait_for_a_database_that_is_away(server, monkeypatch, silent):
    monkeypatch.setattr("storage.watched.STOPPING_ANSWER_S", 0.2)
    stop = threading.Event()
    patience = Patience(outage_s=600.0, give_up=stop.is_set)
    with connect(server.url, patience=patience) as database, ThreadPoolExecutor(1) as pool:

        def ask():
            asked = pool.submit(database.now)
            while not silent and database._retry._outage.lasts_s is None:
                time.sleep(0.05)  # a server that is silent is noticed much later
            assert not wait([asked], timeout=0.5).done
            stop.set()
            with pytest.raises(Unreachable, match="does not answer"):
                asked.result()

        if silent:
            with server.frozen():
                ask()
        else:
            server.stop()
            ask()
            with pytest.raises(Unreachable, match="asked to stop"):
                database.now()
            server.start()


def test_calls_outlast_a_lock_on_the_sqlite_file(tmp_path, ready_file):
    path = tmp_path / "hpo.db"
    path.write_bytes(ready_file.read_bytes())
    with connect(StorageURL.parse(f"sqlite:///{path}")) as database, ThreadPoolExecutor(20) as pool:
        calls = Calls(database)
        locker = sqlite3.connect(path, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        made = {name: pool.submit(call) for name, call in calls.all().items()}
        time.sleep(LOCKED_S)
        assert not made["tell"].done()
        locker.execute("COMMIT")
        locker.close()
        calls.check({name: call.result() for name, call in made.items()})


def test_search_whose_connections_are_killed_all_the_time_takes_each_trial_once(
    url_under_fire, together
):
    url, shot = url_under_fire
    with connect(url) as database:
        study = optuna.create_study(storage=database.storage, study_name="s")
        shot.start()
        outcome = together(3, "search", url.sqlalchemy, "s", TRIALS)
        kills = shot.end()
        assert outcome.codes == [0] * 3
        told = {int(number): value for mine in outcome.results for number, value in mine.items()}
        trials = study.get_trials()
        assert [trial.number for trial in trials] == list(range(TRIALS))
        assert {trial.state for trial in trials} == {TrialState.COMPLETE}
        assert {trial.number: trial.value for trial in trials} == told
        assert sum(len(mine) for mine in outcome.results) == TRIALS
        for trial in trials:
            assert trial.intermediate_values == {1: trial.params["x"], 2: trial.value}
            assert trial.user_attrs == {"number": trial.number}
        assert [row.done for row in Leases(database, study._study_id).rows()] == [True] * TRIALS
        assert kills >= TRIALS / 2  # how many fit in depends on the machine
