"""Whether a SQLite database still is the file that was opened.

A file that was deleted, moved or replaced lives on for whoever has it open: a worker would train to
the end in it, and all of it would be lost without a word. SQLite itself looks only where it keeps
no write-ahead log. A file is told by its device and inode: three stat calls for a look.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from storage.errors import FileGone

BESIDE = ("-wal", "-shm")
"""Endings of the files in which SQLite keeps what was written last, while a database is open."""


def watch_file(engine: sa.Engine, path: Path) -> None:
    """Refuse every use of the engine with FileGone once the file at `path` is not its own."""
    file = OpenedFile(path)
    sa.event.listen(engine, "do_connect", file.before_opening)
    sa.event.listen(engine, "connect", file.opened)
    sa.event.listen(engine, "checkout", file.taken)
    sa.event.listen(engine, "checkin", file.given_back)
    sa.event.listen(engine, "close", file.closed)


class OpenedFile:
    """The database file that was opened; where it is gone once, it stays so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = [path.with_name(path.name + ending) for ending in BESIDE]
        self._known: dict[Path, tuple[int, int]] = {}
        self._gone: str | None = None
        self._remember(path)

    def check(self) -> None:
        """Raise FileGone where another file, or none, is in the place of one that was opened."""
        for path, known in self._known.copy().items():
            if self._gone is None and _differs(path, known):
                self._gone = self._farewell(path)
        if self._gone is not None:
            raise FileGone(self._gone)

    def before_opening(
        self, _: Dialect, __: ConnectionPoolEntry, ___: Sequence[Any], ____: dict[str, Any]
    ) -> None:
        """Look before SQLite would make an empty file in the place of one that is gone."""
        self.check()

    def opened(self, _: DBAPIConnection, __: ConnectionPoolEntry) -> None:
        """Remember the file, which may have been made by this."""
        self._remember(self._path)

    def taken(
        self, _: DBAPIConnection, __: ConnectionPoolEntry, ___: PoolProxiedConnection
    ) -> None:
        """Look before each use."""
        self.check()

    def given_back(self, _: DBAPIConnection | None, __: ConnectionPoolEntry) -> None:
        """Remember what lies beside the file: a connection that was used keeps it there."""
        for path in self._beside:
            self._remember(path)

    def closed(self, _: DBAPIConnection, __: ConnectionPoolEntry) -> None:
        """Forget what lies beside the file: the last connection of all takes it away."""
        for path in self._beside:
            self._known.pop(path, None)

    def _remember(self, path: Path) -> None:
        if path in self._known:
            return
        try:
            self._known[path] = _place(path)
        except OSError:
            return  # there is none, or SQLite says what is wrong with it

    def _farewell(self, path: Path) -> str:
        if path != self._path:
            return (
                f"{path} was deleted or replaced while it was in use, and what was written last may"
                " be lost with it; end all that uses the database, then start again"
            )
        if path.exists():
            return (
                f"{path} was replaced while it was in use: nothing is written to either file any "
                f"more; end all that uses it, delete {path}-wal and {path}-shm, which are the old "
                "file's, then start again"
            )
        return (
            f"{path} was deleted or moved while it was in use: nothing is written to it any more; "
            f"move it back with its {BESIDE[0]} file, or name another database, then start again"
        )


def _differs(path: Path, known: tuple[int, int]) -> bool:
    try:
        return _place(path) != known
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # a network's file system that does not answer: SQLite will say so


def _place(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
