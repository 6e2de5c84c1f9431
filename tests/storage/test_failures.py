import sqlite3

import optuna
import psycopg
import pytest
import sqlalchemy as sa

from storage.errors import Busy, StorageError, Unreachable
from storage.failures import explain, translated
from storage.url import StorageURL

SECRET = "hunter22"
SQLITE = StorageURL.parse("sqlite:////data/hpo.db")
POSTGRESQL = StorageURL.parse(f"postgresql://ann:{SECRET}@h/d")


def wrapped(cause):
    return sa.exc.DBAPIError("SELECT 1", None, cause)


def test_optunas_wrapper_is_looked_through():
    outer = optuna.exceptions.StorageInternalError("An exception is raised during the commit.")
    outer.__cause__ = wrapped(sqlite3.OperationalError("database is locked"))
    assert isinstance(explain(outer, SQLITE), Busy)


def test_cause_is_kept_for_tracebacks_unless_it_shows_the_password():
    def fail(text):
        with translated(POSTGRESQL):
            raise wrapped(psycopg.OperationalError(text))

    with pytest.raises(Unreachable) as harmless:
        fail("gone")
    assert harmless.value.__cause__ is not None
    with pytest.raises(StorageError) as telling:
        fail(f'invalid value in "password={SECRET} host=h"')
    assert telling.value.__cause__ is None
    assert SECRET not in str(telling.value)


def test_errors_of_the_caller_pass_unchanged():
    def fail():
        with translated(SQLITE):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()


def test_failure_that_no_rule_knows_is_passed_on_in_one_line_without_the_password():
    text = f"something new about {SECRET}\nand its details"
    error = explain(wrapped(psycopg.DataError(text)), POSTGRESQL)
    assert type(error) is StorageError
    assert str(error) == "postgresql://ann:***@h/d: something new about ***"


def test_error_without_words_says_its_name():
    assert str(explain(wrapped(psycopg.DataError("")), POSTGRESQL)).endswith(": DataError")


def test_our_own_errors_are_not_wrapped_again():
    mine = Busy("mine")

    def fail():
        with translated(SQLITE), translated(SQLITE):
            raise mine

    with pytest.raises(Busy) as caught:
        fail()
    assert caught.value is mine


def test_braces_in_a_url_or_a_message_are_only_text():
    url = StorageURL.parse("sqlite:////data/{x}/{said}.db")
    error = explain(wrapped(sqlite3.OperationalError("no such table: {y}")), url)
    assert str(error) == "sqlite:////data/{x}/{said}.db: no such table: {y}"
