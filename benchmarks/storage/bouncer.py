"""A PgBouncer before the benchmark's server, and how many server connections it opens."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import quote

import psycopg

from benchmarks.storage.server import Server

PORT = 6432
START_S = 10.0
LOOK_EVERY_S = 0.1
SERVER_USER = "pgserver"  # as whom the wheel's server runs under root


@dataclass(frozen=True)
class Pool:
    """How PgBouncer shares its server connections out."""

    mode: str = "transaction"
    size: int = 40

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what stands on a command line: `MODE:SIZE`."""
        mode, _, size = text.partition(":")
        return cls(mode, int(size))

    def __str__(self) -> str:
        return f"{self.mode} pooling, {self.size} server connections"


def missing() -> str | None:
    """Say why PgBouncer cannot run here; None where it can."""
    if _command() is None:
        return "there is no pgbouncer here (Debian: apt-get install pgbouncer)"
    return None


@contextmanager
def pgbouncer(server: Server, pool: Pool) -> Iterator[str]:
    """Run it before the server while the context lasts: gives the folder of its socket."""
    with TemporaryDirectory(prefix="hpo-bouncer-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        settings = folder / "pgbouncer.ini"
        settings.write_text(_settings(server, pool, folder))
        settings.chmod(0o644)
        as_user = ["-u", SERVER_USER] if os.geteuid() == 0 else []
        command = [str(_command()), "-q", *as_user, str(settings)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:  # noqa: S603 - ours
            try:
                _await(folder)
                yield str(folder)
            finally:
                process.terminate()


def behind(folder: str, database: str) -> str:
    """Give the URL of a database behind the PgBouncer whose socket lies in that folder."""
    return f"postgresql://postgres@/{database}?host={quote(folder)}&port={PORT}"


class Counted:
    """The most server connections to a database that were open at any look."""

    def __init__(self, server: Server, database: str) -> None:
        self.most = 0
        self._server, self._database = server, database
        self._over = threading.Event()
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        self._looking = self._thread.submit(self._look)
        return self

    def __exit__(self, *raised: object) -> None:
        self._over.set()
        self._thread.shutdown()
        self._looking.result()  # raises what went wrong: nothing counted is no count of 0

    def _look(self) -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with psycopg.connect(self._server.maintenance, autocommit=True) as connection:
            while not self._over.wait(LOOK_EVERY_S):
                row = connection.execute(query, [self._database]).fetchone()
                self.most = max(self.most, row[0] if row else 0)


def _command() -> str | None:
    return shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")


def _settings(server: Server, pool: Pool, folder: Path) -> str:
    return f"""
[databases]
* = host={server.folder} port=5432 user=postgres
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {folder}
auth_type = any
pool_mode = {pool.mode}
default_pool_size = {pool.size}
max_client_conn = 1000
"""


def _await(folder: Path) -> None:
    socket = folder / f".s.PGSQL.{PORT}"
    deadline = time.monotonic() + START_S
    while not socket.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("PgBouncer did not start")
        time.sleep(0.05)
