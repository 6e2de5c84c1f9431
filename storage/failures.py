"""Turns what SQLAlchemy, psycopg and sqlite3 raise into one plain line that says what to do.

A failure that no rule knows is passed on: its first line only, without the password.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import psycopg
import sqlalchemy as sa

from storage.errors import StorageError
from storage.failure_rules import POSTGRESQL, SQLITE, Failure
from storage.url import StorageURL


@contextmanager
def translated(url: StorageURL) -> Iterator[None]:
    """Raise a StorageError, free of passwords, for every database error raised inside."""
    try:
        yield
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise explain(error, url) from _clean(error, url)


def explain(error: BaseException, url: StorageURL) -> StorageError:
    """Choose the StorageError that says in one line what to do about a database error."""
    failure = Failure(_driver_error(error))
    known = {
        "url": url.masked,
        "path": url.path,
        "user": url.user or "given by the environment",
        "schema": url.schema,
        "said": url.scrub(_first_line(failure.cause)),
    }
    for rule in SQLITE if url.is_sqlite else POSTGRESQL:
        if rule.applies(failure):
            return rule.kind(rule.advice.format(**known))
    return StorageError("{url}: {said}".format(**known))


def _driver_error(error: BaseException) -> BaseException:
    """Find the driver's own exception under SQLAlchemy's and Optuna's wrappers."""
    if isinstance(error, optuna.exceptions.StorageInternalError) and error.__cause__:
        return _driver_error(error.__cause__)
    # What follows upon a failure in the same transaction; Optuna's reads try once more in it.
    follows = isinstance(error, sa.exc.PendingRollbackError) or isinstance(
        getattr(error, "orig", None), psycopg.errors.InFailedSqlTransaction
    )
    if follows and isinstance(error.__context__, sa.exc.SQLAlchemyError):
        return _driver_error(error.__context__)
    if isinstance(error, sa.exc.DBAPIError) and error.orig is not None:
        return error.orig
    return error


def _clean(error: BaseException, url: StorageURL) -> BaseException | None:
    """Give the error as a cause for tracebacks, unless its text would show the password."""
    text = str(error)
    return error if url.scrub(text) == text else None


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
