"""A URL becomes a database with its tables in place, ready for many processes at once.

A start looks first and locks only when tables are missing, so that normal starts cost a few
milliseconds and any number of processes may meet on an empty database.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import filelock
import sqlalchemy as sa

from storage import schema
from storage.engines import READING, make_engine
from storage.errors import BadFile, Busy, Missing, NoDatabase, NotAllowed
from storage.failures import translated
from storage.fence import Fences
from storage.lease import Lease
from storage.optuna_storage import RepeatingStorage
from storage.patience import AT_ONCE, Patience
from storage.retry import Retry
from storage.study_lock import lock_study
from storage.tables import STUDIES, clock
from storage.trial_cache import TrialCache
from storage.url import StorageURL

LOCK_TIMEOUT_S = 60.0
LOCK_LOOK_S = 0.05  # mean pause between two looks whether a lock is free
LOCK_TRY_S = 5.0  # one wait for a lock; between two of them a stop request is seen

log = logging.getLogger(__name__)
T = TypeVar("T")


class Database:
    """A study database: Optuna's storage on it, and our own tables beside Optuna's."""

    def __init__(
        self,
        url: StorageURL,
        *,
        storage: TrialCache,
        engine: sa.Engine,
        retry: Retry,
        fences: Fences,
    ) -> None:
        self.url = url
        self.storage = storage
        self.engine = engine
        self._retry = retry
        self._fences = fences

    def transaction(self, step: Callable[[sa.Connection], T], *, one_statement: bool = False) -> T:
        """Run `step` in one transaction that writes, again while the database is away or locked.

        A transaction whose answer was lost may have been done: `step` must give the same result
        when it finds its own work there. Where it is `one_statement` that writes, PostgreSQL needs
        no BEGIN and COMMIT, which are two round trips of three. Raises StorageError only.
        """

        def run() -> T:
            with self.writing(one_statement=one_statement) as connection:
                return step(connection)

        return self._retry(run)

    def query(self, step: Callable[[sa.Connection], T]) -> T:
        """Run `step` in one transaction that only reads, again while the database is away."""

        def run() -> T:
            with self.reading() as connection:
                return step(connection)

        return self._retry(run)

    def was_away(self, *, longer_than_s: float, within_s: float) -> bool:
        """Say whether it is away for over `longer_than_s`, or was until `within_s` ago."""
        return self._retry.was_away(longer_than_s=longer_than_s, within_s=within_s)

    @contextmanager
    def writing(self, *, one_statement: bool = False) -> Iterator[sa.Connection]:
        """Open one transaction that writes; it commits at the end and rolls back on errors.

        On SQLite it holds the write lock from its start. Nothing is repeated: `transaction` does
        that. Raises StorageError only.
        """
        engine = self.engine
        if one_statement and not self.url.is_sqlite:
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        with translated(self.url), engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open one transaction that only reads. Raises StorageError only."""
        engine = self.engine.execution_options(**{READING: True})
        with translated(self.url), engine.begin() as connection:
            yield connection

    @contextmanager
    def fence(self, lease: Lease) -> Iterator[None]:
        """Refuse writes of Optuna's storage to the lease's trial once it is another worker's.

        Each write is checked in its own transaction, in whatever thread of this process, and is
        undone with LeaseLost. Writes to other trials and to the study are not checked. What ends
        the trial closes the lease, in the same transaction.
        """
        with self._fences.around(lease):
            yield

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold a lock that excludes every other process that asks for the same name.

        Not for nesting. Raises Busy when another process holds it for too long.
        """
        with exclusive(self.url, self.engine, name, retry=self._retry):
            yield

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Hold the lock, or go on without it where another process keeps it for too long.

        For what does no harm when two do it at once, only waste: a process that is frozen while it
        has the lock must not end all others.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self.lock(name))
            except Busy:
                log.warning("another process keeps the lock %r, frozen maybe: on without it", name)
            yield

    def lock_study(self, connection: sa.Connection, study_id: int) -> None:
        """Keep every other decision on the study out until commit. Raises Missing without it."""
        if not lock_study(connection, study_id):
            raise Missing(f"the study is no longer in {self.url}: it was deleted")

    def study_names(self) -> list[str]:
        """List the names of all studies, sorted; Optuna would read all that they hold."""
        names = sa.select(STUDIES.c.study_name)
        return sorted(self.query(lambda connection: connection.execute(names).scalars().all()))

    def now(self) -> float:
        """Read the database's clock, in epoch seconds."""
        now = sa.select(clock(self.engine.name))
        return self.query(lambda connection: float(connection.execute(now).scalar_one()))

    def close(self) -> None:
        """Close every connection; the object may not be used afterwards."""
        self.storage.close()
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self.url.masked!r})"


def connect(url: StorageURL, *, create: bool = True, patience: Patience = AT_ONCE) -> Database:
    """Open the database, and make its tables when they are missing.

    With create=False nothing is made: NoDatabase is raised instead. Every failure is a
    StorageError whose message is one line that says what to do; `patience` says how long a
    database that is away is waited for, now and in every later call.
    """
    _check_file(url, create=create)
    retry = Retry(url, patience)
    with translated(url):
        engine = make_engine(url, patience.give_up)
    if not retry(lambda: schema.is_ready(engine, url)):
        if not create:
            raise NoDatabase(f"{url} holds no studies yet: create one with hpo create")
        retry(lambda: _make_tables(url, engine, retry), locked_s=0.0)
    fences = Fences()
    # One pool a process instead of two; on SQLite BEGIN IMMEDIATE is for our own tables alone.
    shared = None if url.is_sqlite else engine
    backend = retry(
        lambda: RepeatingStorage(url, retry=retry, fences=fences, patience=patience, engine=shared)
    )
    storage = TrialCache(backend)
    return Database(url, storage=storage, engine=engine, retry=retry, fences=fences)


def _make_tables(url: StorageURL, engine: sa.Engine, retry: Retry) -> None:
    with exclusive(url, engine, "schema", retry=retry):
        if not schema.is_ready(engine, url):
            schema.create(engine, url)


@contextmanager
def exclusive(url: StorageURL, engine: sa.Engine, name: str, *, retry: Retry) -> Iterator[None]:
    """Hold a lock among all processes that use this database. Raises Busy after a minute.

    On PostgreSQL it is lost when the connection is: what is done under it must do no harm when
    two do it at once, only waste.
    """
    if url.path is not None:
        lock = retry(lambda: _take_file(Path(f"{url.path}.lock")), locked_s=LOCK_TIMEOUT_S)
        try:
            with translated(url):
                yield
        finally:
            lock.release()
        return
    connection = retry(lambda: _take_lock(engine, name), locked_s=LOCK_TIMEOUT_S)
    try:
        with translated(url):
            yield
    finally:
        _drop(connection)


def _take_lock(engine: sa.Engine, name: str) -> sa.Connection:
    """Give the connection whose transaction holds the lock."""
    until = time.monotonic() + min(LOCK_TIMEOUT_S, LOCK_TRY_S)
    key = sa.func.hashtextextended(f"hpo:{name}", 0)
    while True:
        connection = engine.connect()
        try:
            if connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(key))).scalar_one():
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
                return connection
        except BaseException:
            _drop(connection)
            raise
        # Who waits on the server keeps a connection: behind a pooler of two, the holder of the lock
        # would have none left to work with, and all would stand still.
        _drop(connection)
        if time.monotonic() > until:
            raise Busy(f"another process held the lock {name!r} for too long; try again")
        time.sleep(random.uniform(0.5, 1.5) * LOCK_LOOK_S)


def _drop(connection: sa.Connection) -> None:
    """End the transaction; where its connection was lost, the lock is gone without us."""
    try:
        connection.close()
    except sa.exc.SQLAlchemyError:
        log.debug("the connection of a lock was lost", exc_info=True)


def _take_file(path: Path) -> filelock.BaseFileLock:
    """Give the lock of that file, held."""
    lock = filelock.FileLock(path, timeout=min(LOCK_TIMEOUT_S, LOCK_TRY_S))
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise Busy(f"{path} is held by another process: try again later") from error
    except OSError as error:
        raise NotAllowed(
            f"{path} cannot be written ({error.strerror}): give this user write access to "
            "the folder"
        ) from error
    return lock


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
