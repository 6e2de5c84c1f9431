"""The kinds of database failure, each told by the driver's error and met with one line of advice.

A running PostgreSQL sends codes. Its connection errors carry none and SQLite's words are all there
is, so those are told apart by their text: in English, and in Korean where it is the server's that a
Korean team meets first. The first rule that applies is taken.
"""

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
import sqlalchemy as sa

from storage.errors import (
    BadFile,
    BadURL,
    Busy,
    Missing,
    NoDatabase,
    NotAllowed,
    ReadOnly,
    ServerFailed,
    StorageError,
    Unreachable,
    WrongPassword,
)


@dataclass(frozen=True)
class Failure:
    """What the driver raised."""

    cause: BaseException

    @property
    def said(self) -> str:
        """Its whole text on one line, in lower case."""
        return " ".join(str(self.cause).lower().split())

    @property
    def code(self) -> str:
        """PostgreSQL's code; empty for SQLite and for errors of the connection itself."""
        return getattr(self.cause, "sqlstate", None) or ""


READ_ONLY = "25006"
"""PostgreSQL's code for a write where none is taken."""

Condition = Callable[[Failure], bool]


@dataclass(frozen=True)
class Rule:
    """Which failures become which error.

    `advice` may hold {url}, {path}, {user}, {schema} and {said}.
    """

    applies: Condition
    kind: type[StorageError]
    advice: str


def _says(*texts: str) -> Condition:
    return lambda failure: any(text in failure.said for text in texts)


def _code(*beginnings: str) -> Condition:
    return lambda failure: failure.code.startswith(beginnings)


def _any(*conditions: Condition) -> Condition:
    return lambda failure: any(applies(failure) for applies in conditions)


def _both(one: Condition, other: Condition) -> Condition:
    return lambda failure: one(failure) and other(failure)


def _from_connecting(failure: Failure) -> bool:
    return not failure.code


def _bad_argument(failure: Failure) -> bool:
    return isinstance(failure.cause, sa.exc.ArgumentError)


def _no_connection_came_free(failure: Failure) -> bool:
    return isinstance(failure.cause, sa.exc.TimeoutError)


def _connection_failed(failure: Failure) -> bool:
    return _from_connecting(failure) and isinstance(failure.cause, psycopg.OperationalError)


_BAD_OPTION = (
    "invalid connection option",
    "invalid uri",
    "invalid port",
    "invalid integer value",
    "bad value for",
    ' value: "',
    "unrecognized configuration parameter",
    "unsupported startup parameter",
    "invalid value for parameter",
    "requires a value",
    "알 수 없는 환경 매개 변수",
    "definition of service",
    "service file",
)

# What the URL asks of the encryption; a certificate may be renewed, so it is waited for.
_BAD_TLS = (
    "root certificate file",
    "certificate verify failed",
    "does not match host name",
    "does not support ssl",
)

SQLITE = (
    Rule(
        _says("unable to open"),
        BadFile,
        "cannot open {path}: the folder must exist and be writable for this user",
    ),
    Rule(
        _says("not a database", "malformed"),
        BadFile,
        "{path} is not a SQLite database, or is damaged: name another file in --storage",
    ),
    Rule(
        _says("readonly", "read-only"),
        NotAllowed,
        "{path} cannot be written: give this user write access to it",
    ),
    Rule(
        _says("locked", "busy"),
        Busy,
        "{path} stayed locked by another process: try again; many workers need PostgreSQL",
    ),
    Rule(
        _says("disk is full"),
        BadFile,
        "the disk of {path} is full: make room and start again",
    ),
)

POSTGRESQL = (
    Rule(
        _says(
            *("too many clients", "remaining connection slots", "too many connections for"),
            *("접속자 수를 초과", "접속수를 초과", "슈퍼유저 연결용"),
        ),
        Unreachable,
        "{url} has no free connection: raise max_connections or the role's CONNECTION LIMIT, "
        "or use PgBouncer",
    ),
    Rule(
        _says("query_wait_timeout", "no more connections allowed"),
        Unreachable,
        "{url}: PgBouncer has no server connection free ({said}): use pool_mode = transaction, and "
        "raise default_pool_size or max_client_conn",
    ),
    Rule(
        _says("transaction blocks not allowed in statement pooling mode"),
        BadURL,
        "{url}: PgBouncer runs in statement pooling mode, which has no transactions: set "
        "pool_mode = transaction",
    ),
    Rule(
        _both(
            _from_connecting,
            _says("permission denied for database", "데이터베이스 액세스 권한 없음"),
        ),
        NotAllowed,
        "{url}: the owner has to GRANT CONNECT ON DATABASE to user {user} first",
    ),
    Rule(
        _any(
            _code("28"),
            _says("authentication failed", "no password supplied", "pg_hba.conf"),
            _says("인증을 실패했습니다", "롤(role) 없음", "롤은 접속을 허용하지"),
            _both(_says('role "'), _says("does not exist", "is not permitted to log in")),
        ),
        WrongPassword,
        "{url} refused user {user}: check the name, and the password in the URL (special "
        "characters percent-encoded), PGPASSWORD or ~/.pgpass",
    ),
    Rule(
        _any(
            _code("3D000"),
            _both(_says('database "'), _says("does not exist")),
            _both(_from_connecting, _says('" 데이터베이스 없음')),
        ),
        NoDatabase,
        "{url}: the server has no such database; create it with createdb",
    ),
    Rule(
        _any(_bad_argument, _both(_from_connecting, _says(*_BAD_OPTION))),
        BadURL,
        "storage URL {url} cannot be used: {said}",
    ),
    Rule(
        _code("3F000"),  # search_path names no schema that there is, or none that this user may use
        NotAllowed,
        "{url}: {said}; create schema {schema}, or ask its owner for GRANT USAGE, CREATE ON SCHEMA "
        "{schema} TO this user",
    ),
    Rule(
        _both(_code("42501"), _says("for schema", "for database", "스키마(schema)")),
        NotAllowed,
        "{url}: {said}; ask the owner for GRANT USAGE, CREATE ON SCHEMA {schema} TO this user",
    ),
    Rule(
        _code("42501"),
        NotAllowed,
        "{url}: {said}; ask the owner for GRANT ALL ON ALL TABLES IN SCHEMA {schema} and GRANT ALL "
        "ON ALL SEQUENCES IN SCHEMA {schema} TO this user",
    ),
    Rule(
        _any(
            _code(READ_ONLY),
            _both(_from_connecting, _says("session is read-only", "server is in hot standby")),
        ),
        ReadOnly,
        "{url} takes no writes: it is a standby, or was set read-only; name the primary server, "
        "look at its disk",
    ),
    Rule(
        # Classes: insufficient resources, errors of the server's own system.
        _code("53", "58"),
        ServerFailed,
        "{url} cannot do it: {said}; look at the server's disk and memory",
    ),
    Rule(
        _code("55P03", "57014"),
        Busy,
        "{url}: another process held a lock for too long; try again",
    ),
    Rule(
        _code("40P01", "40001"),
        Busy,
        "{url}: another process changed the same rows at that moment; try again",
    ),
    Rule(
        _code("23503"),  # all that refers to a row refers to a study or a trial
        Missing,
        "{url}: the study or the trial was deleted meanwhile ({said})",
    ),
    Rule(
        _code("22P05"),
        StorageError,
        "{url}: {said}; use a database made with createdb --encoding UTF8 --template template0",
    ),
    Rule(
        _no_connection_came_free,
        Busy,
        "{url}: no connection came free in this process",
    ),
    Rule(
        _both(_connection_failed, _says(*_BAD_TLS)),
        Unreachable,
        "{url} cannot be reached with the TLS that is asked for: {said}; set sslmode and "
        "sslrootcert as the server's certificate wants it",
    ),
    Rule(
        # Classes: lost connection, shutdown by the server, transaction left idle or too long.
        _any(_code("08", "57P0", "25P03", "25P04"), _connection_failed),
        Unreachable,
        "{url} does not answer: {said}; check that it runs and can be reached",
    ),
)
