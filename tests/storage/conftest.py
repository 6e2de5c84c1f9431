"""Databases to try the storage on: both kinds, and a server that asks for a password."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import optuna
import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from storage.connect import Database, connect
from storage.tables import LEASES
from storage.url import StorageURL

PASSWORD = "s3cret%@:/ 한글"  # whatever a URL gives a meaning to
CHILD = Path(__file__).with_name("child.py")

# One role needs a password, one is kept out; the superuser of the other fixtures needs nothing.
RULES = """
local all asked scram-sha-256
local all barred reject
local all postgres trust
"""


@pytest.fixture
def url(database_url: str) -> StorageURL:
    return StorageURL.parse(database_url)


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables in it, to be copied: that is much faster than making them."""
    path = tmp_path_factory.mktemp("ready") / "hpo.db"
    connect(StorageURL.parse(f"sqlite:///{path}")).close()
    return path


@pytest.fixture(scope="session")
def ready_template(postgres_server: str) -> str:
    """The same as a PostgreSQL database: its name."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE ready")
    connect(StorageURL.parse(postgres_server.replace("/postgres?", "/ready?"))).close()
    return "ready"


@pytest.fixture
def postgres_template(request: pytest.FixtureRequest) -> str:
    """The one with all tables in it, for the tests that want them."""
    wanted = "tables" in request.fixturenames
    template: str = request.getfixturevalue("ready_template") if wanted else "template1"
    return template


@pytest.fixture
def tables(url: StorageURL, request: pytest.FixtureRequest) -> None:
    """Put all tables into this test's database; in PostgreSQL they are there from its beginning."""
    if url.path is not None:
        shutil.copy(request.getfixturevalue("ready_file"), url.path)


@pytest.fixture
def database(url: StorageURL, tables: None) -> Iterator[Database]:
    with connect(url, create=False) as opened:
        yield opened


@pytest.fixture
def study(database: Database) -> optuna.Study:
    return optuna.create_study(storage=database.storage, study_name="s", direction="maximize")


@pytest.fixture
def study_id(study: optuna.Study) -> int:
    return study._study_id


@pytest.fixture
def run_out(database):
    """Let all open leases run out, without the wait."""

    def age():
        held = LEASES.update().where(LEASES.c.expires_at > 0)
        row = held.values(expires_at=LEASES.c.expires_at - 100)
        database.transaction(lambda connection: connection.execute(row).rowcount)

    return age


@pytest.fixture
def lose_answer(database, monkeypatch):
    """Let the next transaction be done and its answer be lost."""

    def lose_next():
        real, lost = database.writing, []

        class Losing:
            def __init__(self, **options):
                self.inner = real(**options)

            def __enter__(self):
                return self.inner.__enter__()

            def __exit__(self, *raised):
                self.inner.__exit__(*raised)
                if not lost and raised[0] is None:
                    lost.append(True)
                    cause = psycopg.errors.DeadlockDetected("as good as any that is repeated")
                    if database.url.is_sqlite:
                        cause = sqlite3.OperationalError("database is locked")
                    raise sa.exc.OperationalError("COMMIT", None, cause)

        monkeypatch.setattr(database, "writing", Losing)
        return lost

    return lose_next


@dataclass(frozen=True)
class Outcome:
    """How processes of their own ended, and what those that ended well gave back."""

    codes: list[int]
    results: list[Any]


@pytest.fixture(scope="session")
def together() -> Iterator[Callable[..., Outcome]]:
    """Run a task of child.py in that many processes at the same moment."""
    command = [sys.executable, str(CHILD)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        request, answer = parent.stdin, parent.stdout

        def run(*task: object) -> Outcome:
            request.write(json.dumps(list(map(str, task))) + "\n")
            request.flush()
            return Outcome(**json.loads(answer.readline()))

        yield run


@pytest.fixture(scope="session")
def asking_server(postgres_server: str) -> str:
    """The session's server, with roles of which it thinks differently; see their names."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        rules = Path(row[0])
        rules.write_text(RULES + rules.read_text())
        password = sql.Literal(PASSWORD)
        connection.execute(sql.SQL("CREATE ROLE asked LOGIN PASSWORD {}").format(password))
        connection.execute("CREATE ROLE barred LOGIN")
        connection.execute("CREATE ROLE stranger LOGIN")
        connection.execute("CREATE ROLE closed NOLOGIN")
        connection.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
        connection.execute("SELECT pg_reload_conf()")
    return postgres_server


@pytest.fixture
def asked(asking_server: str, postgres_url: str) -> Callable[[str], str]:
    """Give the URL of this test's database for the role `asked` with a password (quoted)."""
    assert asking_server
    parts = urlsplit(postgres_url)
    folder = parse_qs(parts.query)["host"][0]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("GRANT CREATE ON SCHEMA public TO asked")
    return lambda password: f"postgresql://asked:{password}@{parts.path}?host={folder}"


@pytest.fixture
def as_role(asking_server: str, postgres_url: str) -> Callable[[str], StorageURL]:
    """Give the URL of this test's database for a role that needs no password."""
    assert asking_server
    return lambda role: StorageURL.parse(postgres_url.replace("postgres@", f"{role}@"))


@pytest.fixture
def admin(postgres_url: str) -> Iterator[psycopg.Connection]:
    """The superuser's own connection to this test's database."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port of this machine that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]
