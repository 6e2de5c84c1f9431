"""A look at a database's server makes nothing and tells how fast it answers."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from storage.connect import connect
from storage.errors import StorageError, Unreachable
from storage.probe import probe
from storage.url import StorageURL


def test_a_database_answers_without_our_tables(database_url: str) -> None:
    url = StorageURL.parse(database_url)
    connect(url).close()
    found = probe(url)
    assert found.server.startswith(("SQLite 3", "PostgreSQL 1"))
    assert 0 < found.round_trip_s < 60
    assert found.writable
    assert found.allowed


def test_an_empty_server_stays_empty(postgres_url: str) -> None:
    found = probe(StorageURL.parse(postgres_url))
    assert found.writable
    assert found.allowed


def test_a_user_who_may_only_read_is_told_before_and_after_the_tables_are_made(
    postgres_url: str, as_role: Callable[[str], StorageURL], admin: psycopg.Connection
) -> None:
    reader = as_role("stranger")
    assert not probe(reader).allowed
    admin.execute("GRANT CREATE ON SCHEMA public TO stranger")
    assert probe(reader).allowed
    connect(StorageURL.parse(postgres_url)).close()
    admin.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO stranger")
    assert not probe(reader).allowed
    admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO stranger")
    assert probe(reader).allowed


def test_a_closed_port_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        probe(StorageURL.parse("postgresql://u:secret@127.0.0.1:9/d"))


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database, only words " * 99, encoding="utf-8")
    with pytest.raises(StorageError, match=r"a\.db"):
        probe(StorageURL.parse(f"sqlite:///{tmp_path}/a.db"))
