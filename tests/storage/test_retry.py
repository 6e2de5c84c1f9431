import logging
import sqlite3

import psycopg
import pytest
import sqlalchemy as sa

from storage.errors import (
    Busy,
    NoDatabase,
    ReadOnly,
    ServerFailed,
    StorageError,
    Unreachable,
    WrongPassword,
)
from storage.patience import AT_ONCE, Patience
from storage.retry import Retry
from storage.url import StorageURL

URL = StorageURL.parse("postgresql://ann:hunter22@h/d")
GONE = psycopg.OperationalError("server closed the connection unexpectedly")
STARTING = psycopg.OperationalError("FATAL:  the database system is starting up")
CROWDED = psycopg.OperationalError("FATAL:  sorry, too many clients already")
REFUSED = psycopg.OperationalError('FATAL:  password authentication failed for user "ann"')
MISSING = psycopg.OperationalError('FATAL:  database "d" does not exist')
DEADLOCK = psycopg.errors.DeadlockDetected("deadlock detected")
SERIAL = psycopg.errors.SerializationFailure("could not serialize access")
SHUTDOWN = psycopg.errors.AdminShutdown("terminating connection due to administrator command")
STANDBY = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")
FULL = psycopg.errors.DiskFull("could not extend file: No space left on device")
PATIENT = Patience(outage_s=60.0)


def steps(*failures):
    """Fail with each of these in turn, then give how often it was asked."""
    left = list(failures)

    def step():
        if left:
            raise sa.exc.DBAPIError("SELECT 1", None, left.pop(0))
        return len(failures) + 1

    return step


@pytest.mark.parametrize(
    "failure", [GONE, STARTING, CROWDED, SHUTDOWN, STANDBY, FULL, DEADLOCK, SERIAL]
)
def test_what_passes_is_asked_again(failure):
    assert Retry(URL, PATIENT)(steps(failure, failure)) == 3


@pytest.mark.parametrize("failure", [DEADLOCK, SERIAL])
def test_commands_too_outlast_what_others_lock(failure):
    assert Retry(URL, AT_ONCE)(steps(failure)) == 2


def test_locked_sqlite_file_is_asked_again():
    url = StorageURL.parse("sqlite:////data/hpo.db")
    locked = sqlite3.OperationalError("database is locked")
    assert Retry(url, AT_ONCE)(steps(locked, locked)) == 3


@pytest.mark.parametrize("failure", [GONE, STARTING, CROWDED, SHUTDOWN, STANDBY, FULL])
def test_command_says_at_once_that_the_server_is_away(failure):
    with pytest.raises((Unreachable, ReadOnly, ServerFailed)):
        Retry(URL, AT_ONCE)(steps(failure))


@pytest.mark.parametrize(("failure", "kind"), [(REFUSED, WrongPassword), (MISSING, NoDatabase)])
def test_what_no_waiting_mends_is_said_at_once(failure, kind):
    with pytest.raises(kind):
        Retry(URL, PATIENT)(steps(failure))


@pytest.mark.parametrize("failure", [REFUSED, MISSING])
def test_refusal_in_the_midst_of_an_outage_may_be_false(failure):
    """As a pooler says whose server is restarting and cannot be asked about users."""
    assert Retry(URL, PATIENT)(steps(GONE, failure, failure)) == 4


def test_our_own_word_about_a_missing_study_is_never_doubted():
    calls = []

    def step():
        calls.append(1)
        if len(calls) == 1:
            raise sa.exc.DBAPIError("SELECT 1", None, GONE)
        raise NoDatabase("study 1 is no longer there")

    with pytest.raises(NoDatabase):
        Retry(URL, PATIENT)(step)
    assert len(calls) == 2


def test_error_of_the_caller_passes_unchanged():
    with pytest.raises(ZeroDivisionError):
        Retry(URL, PATIENT)(lambda: 1 / 0)


def test_patience_ends_with_the_last_error():
    with pytest.raises(Unreachable, match="starting up"):
        Retry(URL, Patience(outage_s=0.2))(steps(GONE, *[STARTING] * 99))


def test_lock_is_waited_for_as_long_as_the_caller_says():
    with pytest.raises(Busy):
        Retry(URL, PATIENT)(steps(*[DEADLOCK] * 99), locked_s=0.1)


def test_stop_request_ends_the_wait_and_later_calls_do_not_begin_one():
    asked = []
    retry = Retry(URL, Patience(outage_s=60.0, give_up=lambda: len(asked) > 1))

    def step():
        asked.append(1)
        raise sa.exc.DBAPIError("SELECT 1", None, GONE)

    with pytest.raises(Unreachable, match="server closed"):
        retry(step)
    with pytest.raises(Unreachable, match="asked to stop"):
        retry(step)
    assert len(asked) == 2


def test_short_outage_is_not_worth_a_line(caplog):
    with caplog.at_level(logging.DEBUG, "storage"):
        Retry(URL, PATIENT)(steps(GONE))
    assert caplog.records == []


def test_outage_is_told_once_and_its_end_once_without_the_password(caplog, monkeypatch):
    monkeypatch.setattr("storage.retry.QUIET_S", 0.0)
    with caplog.at_level(logging.DEBUG, "storage"):
        Retry(URL, PATIENT)(steps(*[GONE] * 5))
    begins, ends = [record.message for record in caplog.records]
    assert begins.endswith("can be reached; asking again for up to 60 s")
    assert ends.startswith("the database answers again, after ")
    assert "hunter22" not in begins


@pytest.mark.parametrize(
    ("failures", "over"),
    [
        ([DEADLOCK, SERIAL], "that wait is over"),
        ([GONE, DEADLOCK], "the database answers again"),
        ([DEADLOCK, GONE, DEADLOCK], "the database answers again"),
    ],
)
def test_only_a_database_that_was_away_answers_again(failures, over, caplog, monkeypatch):
    monkeypatch.setattr("storage.retry.QUIET_S", 0.0)
    retry = Retry(URL, PATIENT)
    for _ in range(2):
        caplog.clear()
        retry(steps(*failures))
        assert caplog.messages[-1].startswith(f"{over}, after ")


def test_failure_that_follows_upon_another_in_its_transaction_counts_as_that_one():
    """Optuna's read of all trials asks a second time in the same, broken transaction."""

    first = sa.exc.OperationalError("SELECT", None, SHUTDOWN)
    second = sa.exc.PendingRollbackError("Can't reconnect until it is rolled back")
    second.__context__ = first
    failures = [second]

    def read():
        if failures:
            raise failures.pop()
        return "read"

    assert Retry(URL, PATIENT)(read) == "read"


def test_unknown_failure_is_a_storage_error_at_once():
    with pytest.raises(StorageError, match="division"):
        Retry(URL, PATIENT)(steps(psycopg.DataError("division by zero")))
