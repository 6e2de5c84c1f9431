"""Where resume states lie. An entry is a few files that are there together or not at all.

`Place` is the contract, `FolderPlace` keeps it in a folder of this machine or of a shared disk.
"""

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from typing_extensions import override  # Python 3.11's typing has none

MANIFEST = "manifest.json"
PARTIAL = ".partial"


class Output(Protocol):
    """A file that is being written."""

    def write(self, data: memoryview, /) -> object:
        """Take all of the bytes."""


class EntryWriter(Protocol):
    """Takes the files of one entry, the manifest last."""

    def file(self, name: str) -> AbstractContextManager[Output]:
        """Write a file; it lasts through a power failure once the entry is whole."""

    def take(self, path: Path) -> None:
        """Make a file that is here already, and will never be changed, a file of the entry."""


class Place(ABC):
    """One training's entries. Any call may raise OSError, or what the storage's library raises.

    The names of entries are never used twice, so that two writers cannot touch one entry.
    """

    @abstractmethod
    def entries(self) -> list[str]:
        """Return the names of the whole entries, in no order."""

    @abstractmethod
    def leftovers(self) -> list[str]:
        """Return the names of entries that are not whole: being written, or left by the dead."""

    @abstractmethod
    def read(self, entry: str, file: str) -> bytes:
        """Return a file's bytes; raises FileNotFoundError where there is none."""

    @abstractmethod
    def path(self, entry: str, file: str) -> Path | None:
        """Return where the file can be read in place; None where only its bytes can be had."""

    @abstractmethod
    def writing(self, entry: str) -> AbstractContextManager[EntryWriter]:
        """Write an entry: whole when the block ends, not there at all when it raises."""

    @abstractmethod
    def fetch(self, entry: str, file: str, to: Path) -> None:
        """Make `to` that file; it must not be changed afterwards, it may be the same one."""

    @abstractmethod
    def remove(self, entry: str) -> None:
        """Remove an entry, whole or not; nothing there is no error."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything; nothing there is no error."""

    @abstractmethod
    def groups_with(self, folder: str) -> list[str]:
        """Return the names of what lies in this place and has such a folder in it."""


class FolderPlace(Place):
    """Entries as folders, written beside their place and renamed.

    Files that do not change are linked, where the file system can, and not copied.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.folder = root / name

    @override
    def entries(self) -> list[str]:
        return [path.parent.name for path in self.folder.glob(f"[!.]*/{MANIFEST}")]

    @override
    def leftovers(self) -> list[str]:
        return [path.name[1:].removesuffix(PARTIAL) for path in self.folder.glob(f".*{PARTIAL}")]

    @override
    def read(self, entry: str, file: str) -> bytes:
        return (self.folder / entry / file).read_bytes()

    @override
    def path(self, entry: str, file: str) -> Path | None:
        return self.folder / entry / file

    @override
    @contextmanager
    def writing(self, entry: str) -> Iterator[EntryWriter]:
        partial = self._partial(entry)
        try:
            partial.mkdir(parents=True)
            yield _FolderWriter(partial)
            _sync_folder(partial)
            partial.rename(self.folder / entry)
        except BaseException:  # an interrupt too must leave no half entry behind
            shutil.rmtree(partial, ignore_errors=True)
            raise
        _sync_folder(self.folder)

    @override
    def fetch(self, entry: str, file: str, to: Path) -> None:
        link_or_copy(self.folder / entry / file, to)

    @override
    def remove(self, entry: str) -> None:
        # The manifest first: what a kill leaves is no whole entry.
        for folder in (self.folder / entry, self._partial(entry)):
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    @override
    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for folder in self.folder.parents:
            if folder == self.root:
                break
            with suppress(OSError):  # another trial's folder, or models, are in it
                folder.rmdir()

    @override
    def groups_with(self, folder: str) -> list[str]:
        return [path.parent.name for path in self.folder.glob(f"*/{folder}")]

    def _partial(self, entry: str) -> Path:
        return self.folder / f".{entry}{PARTIAL}"


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def file(self, name: str) -> Iterator[Output]:
        with (self.folder / name).open("wb", buffering=0) as file:
            yield file
            os.fsync(file.fileno())

    def take(self, path: Path) -> None:
        link_or_copy(path, self.folder / path.name)


def link_or_copy(source: Path, to: Path) -> None:
    """Make `to` the same file, or a copy where no link can be made, and have it on the disk."""
    try:
        os.link(source, to)
    except FileExistsError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, to)
    with to.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Have the folder's own entries on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems refuse it for folders
            os.fsync(handle)
    finally:
        os.close(handle)
