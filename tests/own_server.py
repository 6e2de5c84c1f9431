"""A PostgreSQL of a test's own, to be stopped and frozen: the session's serves all tests."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storage import local
from storage.url import StorageURL

SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 60\n"


class OwnServer:
    """An embedded PostgreSQL in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url: StorageURL = local.start(folder)
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        self.restart()

    def start(self) -> None:
        """Start it again."""
        local.start(self._folder)

    def stop(self) -> None:
        """End it in order; its clients are told that the administrator does so."""
        local.stop(self._folder)

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
        first = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Start one in a folder that the other user it runs as under root may enter."""
    folder = Path(tempfile.mkdtemp(prefix="hpo-own-"))
    server = OwnServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
