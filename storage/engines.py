"""How connections are made: small pools, UTC, few pings; on SQLite, writers that queue up.

SQLite's own way of upgrading a read transaction to a write one fails at once under contention
instead of waiting, so every writing transaction here starts with BEGIN IMMEDIATE.
"""

import os
import select
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storage.failure_rules import READ_ONLY
from storage.opened_file import watch_file
from storage.patience import never
from storage.url import StorageURL
from storage.watched import WatchedConnection, connector

CONNECT_TIMEOUT_S = 5
BUSY_TIMEOUT_S = 5  # of one try, which nothing can interrupt; `retry` goes on for much longer
POOL_SIZE = 2
MAX_OVERFLOW = 3
POOL_TIMEOUT_S = 5.0
IDLE_S = 10.0  # a connection used less long ago than this is taken to live still
_USED = "hpo_used"  # in a pool entry's info: when it was last given back
READING = "hpo_reading"  # execution option of a connection that will not write

# A machine that vanished without a word is noticed in less than half a lease.
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,  # milliseconds
}


# What a server, a database or a role may be set to otherwise. Short of digits, the clock of leases
# stands still for minutes and an exported learning rate is another one.
_EXACT = "-c extra_float_digits=3"
_UTC = "-c timezone=UTC"


def connect_arguments(url: StorageURL) -> dict[str, Any]:
    """Give psycopg.connect's keyword arguments beside those in the URL, but for `options`."""
    given = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "hpo",
        "client_encoding": "utf8",  # or a database of encoding SQL_ASCII would answer in bytes
        **_KEEPALIVE,
    }
    connect: dict[str, Any] = {key: value for key, value in given.items() if not url.asks_for(key)}
    # Behind PgBouncer the next statement may meet another server, which knows no prepared ones.
    connect["prepare_threshold"] = None
    return connect


def connection_options(url: StorageURL) -> list[str]:
    """Give the `options` to connect with, each for poolers that refuse the one before.

    PgBouncer before 1.20 takes none at all, a later one only those that it keeps for each client.
    """
    asked = url.options or os.environ.get("PGOPTIONS", "")
    ways = [f"{asked} {_UTC} {_EXACT}".strip(), f"{asked} {_UTC}".strip()]
    # What was asked for must not be left out silently.
    return ways if asked else [*ways, ""]


def engine_arguments(url: StorageURL, give_up: Callable[[], bool] = never) -> dict[str, Any]:
    """Give create_engine's keyword arguments, the same for Optuna's engine and ours."""
    if url.is_sqlite:
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
    args, kwargs = _driver_arguments(url)
    return {
        "creator": connector(
            args,
            {**kwargs, **connect_arguments(url)},
            give_up,
            options=connection_options(url),
            without_options="SET TIME ZONE 'UTC'",
        ),
        # A server may be set to another level, under which every wait for a lock ends in an error.
        "isolation_level": "READ COMMITTED",
        "pool_size": POOL_SIZE,
        "max_overflow": MAX_OVERFLOW,
        "pool_timeout": POOL_TIMEOUT_S,
    }


def make_unpinned_engine(url: StorageURL) -> sa.Engine:
    """Make one for PostgreSQL whose sessions are set as the server has it, as plain Optuna's."""
    args, kwargs = _driver_arguments(url)
    connect = partial(WatchedConnection.connect, *args, **{**kwargs, **connect_arguments(url)})
    return sa.create_engine(url.sqlalchemy, creator=connect, poolclass=sa.NullPool)


def _driver_arguments(url: StorageURL) -> tuple[tuple[Any, ...], dict[str, Any]]:
    parsed = sa.make_url(url.sqlalchemy)
    args, kwargs = parsed.get_dialect()().create_connect_args(parsed)
    return tuple(args), dict(kwargs)


def watch_pool(engine: sa.Engine) -> None:
    """Let go of a server that takes no writes and of a file that is gone; to be called once.

    A primary that lost its place may live on as a standby: a new connection finds the one that has
    it now, behind the same name or among the URL's hosts. SQLAlchemy's pre-ping is a round trip
    before every transaction, so it is done where in doubt only: a connection that its server or
    pooler has closed has something to be read, which this process sees by itself; one that a
    firewall may have forgotten has been idle.
    """
    if engine.name == "postgresql":
        sa.event.listen(engine, "checkin", _note_use)
        sa.event.listen(engine, "checkout", _ping_where_in_doubt)
        sa.event.listen(engine, "handle_error", _let_go_where_read_only)
    else:
        watch_file(engine, Path(str(engine.url.database)))


def _note_use(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_USED] = time.monotonic()


def _ping_where_in_doubt(
    connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
) -> None:
    used = entry.info.get(_USED)
    if used is None or (time.monotonic() - used < IDLE_S and not _has_news(connection)):
        return
    try:
        connection.autocommit = True
        connection.cursor().execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise sa.exc.InvalidatePoolError from error


def _let_go_where_read_only(context: sa.engine.ExceptionContext) -> None:
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


def _has_news(connection: DBAPIConnection) -> bool:
    watch = select.poll()
    try:
        watch.register(connection.fileno(), select.POLLIN)
    except psycopg.Error:  # closed already
        return True
    return bool(watch.poll(0))


def make_engine(url: StorageURL, give_up: Callable[[], bool] = never) -> sa.Engine:
    """Make an engine for our own tables; connects to nothing yet."""
    engine = sa.create_engine(url.sqlalchemy, **engine_arguments(url, give_up))
    watch_pool(engine)
    if url.is_sqlite:
        sa.event.listen(engine, "connect", _leave_transactions_to_us)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # sqlite3 would otherwise open deferred transactions


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
