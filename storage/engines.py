"""How connections are made: small pools, UTC, pre-ping; on SQLite, writers that queue up.

SQLite's own way of upgrading a read transaction to a write one fails at once under contention
instead of waiting, so every writing transaction here starts with BEGIN IMMEDIATE.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from storage.url import StorageURL

CONNECT_TIMEOUT_S = 10
BUSY_TIMEOUT_S = 60
POOL_SIZE = 2
MAX_OVERFLOW = 3
READING = "hpo_reading"  # execution option of a connection that will not write

# A peer that vanished without a word is noticed within about a minute.
_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,  # milliseconds
}


def engine_arguments(url: StorageURL) -> dict[str, Any]:
    """Give create_engine's keyword arguments, the same for Optuna's engine and ours."""
    if url.is_sqlite:
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
    given = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "hpo",
        "client_encoding": "utf8",  # or a database of encoding SQL_ASCII would answer in bytes
        **_KEEPALIVE,
    }
    connect = {key: value for key, value in given.items() if not url.asks_for(key)}
    connect["options"] = f"{url.options} -c timezone=UTC".strip()
    return {
        "connect_args": connect,
        # A server may be set to another level, under which every wait for a lock ends in an error.
        "isolation_level": "READ COMMITTED",
        "pool_pre_ping": True,
        "pool_size": POOL_SIZE,
        "max_overflow": MAX_OVERFLOW,
    }


def make_engine(url: StorageURL) -> sa.Engine:
    """Make an engine for our own tables; connects to nothing yet."""
    engine = sa.create_engine(url.sqlalchemy, **engine_arguments(url))
    if url.is_sqlite:
        sa.event.listen(engine, "connect", _leave_transactions_to_us)
        sa.event.listen(engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # sqlite3 would otherwise open deferred transactions


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
