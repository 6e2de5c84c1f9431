"""What the database says: does it answer, which studies it holds, and what one of them is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hpo import study as studies
from hpo.opening import open_database
from hpo.pinned import Pinned
from hpo.status import Status, collect
from storage.connect import Database
from storage.errors import NoDatabase
from storage.probe import Probe, probe
from storage.read_only import refuse_writes
from storage.url import StorageURL


@dataclass(frozen=True)
class Stored:
    """A database that can be used: `probe` None where it is a file that is yet to be made."""

    url: StorageURL
    probe: Probe | None
    studies: tuple[str, ...]


@dataclass(frozen=True)
class StoredStudy:
    """A study's pin, and how far it is."""

    name: str
    pinned: Pinned
    status: Status


def look(storage: str) -> Stored:
    """Look at the database; nothing is made or written. Raises StorageError."""
    url = StorageURL.parse(storage)
    if url.path is not None and url.path.parent.is_dir() and not url.path.exists():
        return Stored(url, None, ())
    answered = probe(url)
    try:
        with _reading(storage) as database:
            return Stored(url, answered, tuple(database.study_names()))
    except NoDatabase:  # it answered: what is missing are our tables
        return Stored(url, answered, ())


def read_study(storage: str, name: str) -> StoredStudy:
    """Read a study; raises NotPinned, WorkerRefused for another format, StorageError."""
    with _reading(storage) as database:
        return StoredStudy(name, studies.read(database, name), collect(database, name))


@contextmanager
def _reading(storage: str) -> Iterator[Database]:
    with open_database(storage) as database:
        refuse_writes(database)
        yield database
