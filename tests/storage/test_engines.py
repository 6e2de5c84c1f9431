from concurrent.futures import ThreadPoolExecutor

import pytest

from storage.connect import connect
from storage.engines import connect_arguments, connection_options
from storage.errors import Busy
from storage.url import StorageURL


@pytest.fixture
def url(tmp_path):
    return StorageURL.parse(f"sqlite:///{tmp_path}/hpo.db")


def journal_and_timeout(connection):
    names = ("journal_mode", "busy_timeout")
    return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]


def test_sqlite_uses_the_write_ahead_log_and_waits_for_locks(url):
    with connect(url) as database, database.reading() as connection:
        assert journal_and_timeout(connection) == ["wal", 5_000]


def test_writer_queues_up_before_it_reads(url):
    """With SQLite's usual deferred transaction both would read and the second one would fail."""
    with connect(url) as one, connect(url) as two, ThreadPoolExecutor(1) as pool:

        def add():
            with two.writing() as connection:
                before = connection.exec_driver_sql("SELECT version FROM hpo_schema").scalar()
                connection.exec_driver_sql(f"UPDATE hpo_schema SET version = {before + 1}")

        with one.writing() as connection:
            before = connection.exec_driver_sql("SELECT version FROM hpo_schema").scalar()
            waiting = pool.submit(add)
            connection.exec_driver_sql(f"UPDATE hpo_schema SET version = {before + 1}")
        waiting.result()
        with one.reading() as connection:
            assert connection.exec_driver_sql("SELECT version FROM hpo_schema").scalar() == 3


def test_readers_do_not_wait_for_a_writer(url):
    with connect(url) as one, connect(url) as two, one.writing():
        assert two.now() > 0


def test_database_locked_for_too_long_is_busy(url, monkeypatch):
    def write(database):
        with database.writing():
            pass

    monkeypatch.setattr("storage.engines.BUSY_TIMEOUT_S", 0.2)
    stays_locked = pytest.raises(Busy, match="stayed locked")
    with connect(url) as one, connect(url) as two, one.writing(), stays_locked:
        write(two)


def test_what_the_url_sets_itself_is_not_overridden():
    url = StorageURL.parse("postgresql://h/d?connect_timeout=3&application_name=mine")
    connect_args = connect_arguments(url)
    assert not {"connect_timeout", "application_name"} & set(connect_args)
    assert connection_options(url)[-1] == ""


def test_options_that_somebody_asked_for_are_never_left_out(monkeypatch):
    asked = StorageURL.parse("postgresql://h/d?options=-csearch_path%3Dteam")
    assert all("-csearch_path=team " in options for options in connection_options(asked))
    monkeypatch.setenv("PGOPTIONS", "-csearch_path=team")
    plain = StorageURL.parse("postgresql://h/d")
    assert connection_options(plain) == connection_options(asked)
