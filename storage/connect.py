"""A URL becomes a database with its tables in place, ready for many processes at once.

A start looks first and locks only when tables are missing, so that normal starts cost a few
milliseconds and any number of processes may meet on an empty database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import filelock
import optuna
import sqlalchemy as sa

from storage import schema
from storage.engines import READING, make_engine
from storage.errors import BadFile, Busy, NoDatabase, NotAllowed
from storage.failures import translated
from storage.tables import clock
from storage.url import StorageURL

LOCK_TIMEOUT_S = 60.0


class Database:
    """A study database: Optuna's storage on it, and our own tables beside Optuna's."""

    def __init__(
        self, url: StorageURL, *, storage: optuna.storages.BaseStorage, engine: sa.Engine
    ) -> None:
        self.url = url
        self.storage = storage
        self.engine = engine

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open one transaction that writes; it commits at the end and rolls back on errors.

        On SQLite it holds the write lock from its start. Raises StorageError only.
        """
        with translated(self.url), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open one transaction that only reads. Raises StorageError only."""
        engine = self.engine.execution_options(**{READING: True})
        with translated(self.url), engine.begin() as connection:
            yield connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that excludes every other process that asks for the same name.

        Not for nesting. Raises Busy when another process holds it for too long.
        """
        with exclusive(self.url, self.engine, name):
            yield

    def now(self) -> float:
        """Read the database's clock, in epoch seconds."""
        with self.reading() as connection:
            return float(connection.execute(sa.select(clock(self.engine.name))).scalar_one())

    def close(self) -> None:
        """Close every connection; the object may not be used afterwards."""
        backend = getattr(self.storage, "_backend", self.storage)
        if isinstance(backend, optuna.storages.RDBStorage):
            backend.remove_session()
            backend.engine.dispose()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self.url.masked!r})"


def connect(url: StorageURL, *, create: bool = True) -> Database:
    """Open the database, and make its tables when they are missing.

    With create=False nothing is made: NoDatabase is raised instead. Every failure is a
    StorageError whose message is one line that says what to do.
    """
    _check_file(url, create=create)
    with translated(url):
        engine = make_engine(url)
        if not schema.is_ready(engine, url):
            if not create:
                raise NoDatabase(f"{url} holds no studies yet: create one with hpo create")
            with exclusive(url, engine, "schema"):
                if not schema.is_ready(engine, url):
                    schema.create(engine, url)
        backend = schema.open_optuna(url)
    if not url.is_sqlite:
        # One pool a process instead of two; SQLite needs its own for BEGIN IMMEDIATE.
        engine.dispose()
        engine = backend.engine
    return Database(url, storage=optuna.storages.get_storage(backend), engine=engine)


@contextmanager
def exclusive(url: StorageURL, engine: sa.Engine, name: str) -> Iterator[None]:
    """Hold a lock among all processes that use this database. Raises Busy after a minute."""
    if url.path is not None:
        with _file_lock(url.path), translated(url):
            yield
        return
    with translated(url), engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(LOCK_TIMEOUT_S * 1000)}")
        key = sa.func.hashtextextended(f"hpo:{name}", 0)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
        yield


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    lock = filelock.FileLock(f"{path}.lock", timeout=LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise Busy(f"{path}.lock is held by another process: try again later") from error
    except OSError as error:
        raise NotAllowed(
            f"{path}.lock cannot be written ({error.strerror}): give this user write access to "
            "the folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _check_file(url: StorageURL, *, create: bool) -> None:
    path = url.path
    if path is None:
        return
    if path.is_dir():
        raise BadFile(f"{path} is a folder: name a file in it, e.g. sqlite:///{path}/hpo.db")
    if not path.parent.is_dir():
        raise BadFile(f"{path.parent} does not exist: create that folder or name another file")
    if not create and not path.exists():
        raise NoDatabase(f"{path} does not exist: create a study there first (hpo create)")
