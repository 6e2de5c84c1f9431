"""The two databases a search is disturbed on: how each fails, and how it is watched from beside.

Both keep a diary: triggers note every report of a value and every change of a trial's state, so
that what came twice is seen even where the second writing replaced the first.
"""

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

from storage import local

FINISHED = "state IN ('COMPLETE', 'PRUNED', 'FAIL')"
DIARY = (
    "CREATE TABLE chaos_reports (trial_id INTEGER, step INTEGER)",
    "CREATE TABLE chaos_ends (trial_id INTEGER)",
)
SQLITE_TRIGGERS = (
    (
        "CREATE TRIGGER chaos_report AFTER INSERT ON trial_intermediate_values "
        "BEGIN INSERT INTO chaos_reports VALUES (NEW.trial_id, NEW.step); END"
    ),
    (
        "CREATE TRIGGER chaos_report_again AFTER UPDATE ON trial_intermediate_values "
        "BEGIN INSERT INTO chaos_reports VALUES (NEW.trial_id, NEW.step); END"
    ),
    (
        "CREATE TRIGGER chaos_end AFTER UPDATE OF state ON trials WHEN NEW.state <> 'RUNNING' "
        "BEGIN INSERT INTO chaos_ends VALUES (NEW.trial_id); END"
    ),
)
POSTGRESQL_TRIGGERS = (
    (
        "CREATE FUNCTION chaos_note_report() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN INSERT INTO chaos_reports VALUES (NEW.trial_id, NEW.step); RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER chaos_report AFTER INSERT OR UPDATE ON trial_intermediate_values "
        "FOR EACH ROW EXECUTE FUNCTION chaos_note_report()"
    ),
    (
        "CREATE FUNCTION chaos_note_end() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN INSERT INTO chaos_ends VALUES (NEW.trial_id); RETURN NULL; END $$"
    ),
    (
        "CREATE TRIGGER chaos_end AFTER UPDATE OF state ON trials FOR EACH ROW "
        "WHEN (NEW.state <> 'RUNNING') EXECUTE FUNCTION chaos_note_end()"
    ),
)


class Disturbed(Protocol):
    """A database that can be put out of order, and asked from beside."""

    url: str

    def fail_for(self, seconds: float) -> None:
        """Be out of order for so long; returns when it is in order again."""

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    def keep_diary(self) -> None:
        """Begin to note reports and ends."""


class PostgreSQL:
    """A server of its own: it crashes (immediate shutdown, every connection lost) and returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = local.start(folder).sqlalchemy.replace("postgresql+psycopg", "postgresql")

    def fail_for(self, seconds: float) -> None:
        """Crash, stay away, and start again."""
        pid_file = self._folder / "data" / "postmaster.pid"
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
        time.sleep(seconds)
        local.start(self._folder)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; none while the server is away."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def keep_diary(self) -> None:
        """Make the tables and triggers of the diary."""
        with psycopg.connect(self.url) as connection:
            for statement in (*DIARY, *POSTGRESQL_TRIGGERS):
                connection.execute(statement.encode())


class SQLite:
    """A file that another process locks for a while."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "hpo.db"
        self.url = f"sqlite:///{self._path}"

    def fail_for(self, seconds: float) -> None:
        """Hold the write lock."""
        with closing(sqlite3.connect(self._path, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with closing(sqlite3.connect(self._path, timeout=60)) as connection:
            return connection.execute(query).fetchall()

    def keep_diary(self) -> None:
        """Make the tables and triggers of the diary."""
        with closing(sqlite3.connect(self._path, timeout=60)) as connection:
            for statement in (*DIARY, *SQLITE_TRIGGERS):
                connection.execute(statement)
            connection.commit()


@contextmanager
def disturbed(kind: str, folder: Path) -> Iterator[Disturbed]:
    """Give the database `kind` (postgresql or sqlite) in `folder`, and end it behind."""
    if kind == "sqlite":
        yield SQLite(folder)
        return
    server = PostgreSQL(folder)
    try:
        yield server
    finally:
        local.stop(folder)
