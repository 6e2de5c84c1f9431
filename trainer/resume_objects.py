"""Resume states in an object store or whatever else fsspec reaches: s3://, gs://, memory://.

There is nothing to rename in such a store: an entry is whole once its manifest is there, which is
written last.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import cast

import fsspec
from fsspec.registry import known_implementations
from typing_extensions import override  # Python 3.11's typing has none

from trainer.errors import TrainerError, first_line
from trainer.resume_place import MANIFEST, EntryWriter, FolderPlace, Output, Place

COPY_CHUNK = 8 << 20  # bytes
LOCAL = ("file", "local")
S3 = ("s3", "s3a")  # where a missing bucket looks like an empty one


class ObjectPlace(Place):
    """Entries as objects with a common prefix."""

    def __init__(self, files: fsspec.AbstractFileSystem, prefix: str) -> None:
        self.files = files
        self.prefix = prefix

    @override
    def entries(self) -> list[str]:
        return [entry for entry, names in self._listed().items() if MANIFEST in names]

    @override
    def leftovers(self) -> list[str]:
        return [entry for entry, names in self._listed().items() if MANIFEST not in names]

    @override
    def read(self, entry: str, file: str) -> bytes:
        return cast("bytes", self.files.cat_file(self._path(entry, file)))

    @override
    def path(self, entry: str, file: str) -> Path | None:
        return None

    @override
    @contextmanager
    def writing(self, entry: str) -> Iterator[EntryWriter]:
        try:
            yield _ObjectWriter(self, entry)
        except BaseException:  # an interrupt too; without a manifest it is nothing, but it costs
            with suppress(Exception):  # the store may be what failed
                self.remove(entry)
            raise

    @override
    def fetch(self, entry: str, file: str, to: Path) -> None:
        self.files.get_file(self._path(entry, file), str(to))

    @override
    def remove(self, entry: str) -> None:
        with suppress(FileNotFoundError):
            self.files.rm_file(self._path(entry, MANIFEST))  # what is left is no whole entry
        with suppress(FileNotFoundError):
            self.files.rm(f"{self.prefix}/{entry}", recursive=True)

    @override
    def clear(self) -> None:
        with suppress(FileNotFoundError):
            self.files.rm(self.prefix, recursive=True)

    @override
    def groups_with(self, folder: str) -> list[str]:
        self.files.invalidate_cache()
        found = (path.partition(f"/{folder}/") for path in self.files.find(self.prefix))
        return sorted({before.rpartition("/")[2] for before, inner, _ in found if inner})

    def opened(self, entry: str, file: str) -> AbstractContextManager[Output]:
        """Open an object for writing."""
        path = self._path(entry, file)
        self.files.makedirs(path.rpartition("/")[0], exist_ok=True)  # where there are folders
        return cast("AbstractContextManager[Output]", self.files.open(path, "wb"))

    def _path(self, entry: str, file: str) -> str:
        return f"{self.prefix}/{entry}/{file}"

    def _listed(self) -> dict[str, set[str]]:
        self.files.invalidate_cache()  # another process may have written since
        found: dict[str, set[str]] = {}
        for path in self.files.find(self.prefix):
            entry, _, name = path.rpartition("/")
            found.setdefault(entry.rpartition("/")[2], set()).add(name)
        return found


class _ObjectWriter:
    def __init__(self, place: ObjectPlace, entry: str) -> None:
        self.place = place
        self.entry = entry

    def file(self, name: str) -> AbstractContextManager[Output]:
        return self.place.opened(self.entry, name)

    def take(self, path: Path) -> None:
        with path.open("rb") as source, self.file(path.name) as target:
            while chunk := source.read(COPY_CHUNK):
                target.write(memoryview(chunk))


def open_place(root: str | Path, name: str) -> Place:
    """Return the place `name` under a root: a folder, or a URL that fsspec knows.

    Raises TrainerError where the root cannot be used.
    """
    if isinstance(root, str) and "://" in root:
        protocol = root.partition("://")[0]
        if protocol in LOCAL:
            return _in_folder(Path(root.partition("://")[2]), name)
        return _in_store(root, protocol, name)
    return _in_folder(Path(root).expanduser(), name)


def _in_folder(root: Path, name: str) -> FolderPlace:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainerError(
            f"the checkpoint root {root} is no folder and can't be made one: {error.strerror}; "
            "give a folder that can be written"
        ) from error
    return FolderPlace(root, name)


def _in_store(root: str, protocol: str, name: str) -> ObjectPlace:
    try:
        files, prefix = fsspec.core.url_to_fs(root)
        files.find(prefix, maxdepth=1)
        missing = protocol in S3 and not _is_there(files, prefix.partition("/")[0])
    except ImportError as error:
        raise TrainerError(
            f"the checkpoint root {shown(root)} needs the package {_package(protocol, error)}, "
            "which is not installed; install it with pip"
        ) from error
    except FileNotFoundError:
        missing = False  # nothing has been written there yet
    except Exception as error:  # each storage's library has errors of its own
        raise TrainerError(
            f"the checkpoint root {shown(root)} cannot be used: {first_line(error)}; "
            "check the URL and the credentials, or give a folder"
        ) from error
    if missing:
        raise TrainerError(
            f"the checkpoint root {shown(root)} cannot be used: there is no such bucket; make it"
        )
    return ObjectPlace(files, f"{prefix.rstrip('/')}/{name}")


def _is_there(files: fsspec.AbstractFileSystem, bucket: str) -> bool:
    try:
        return bool(files.exists(bucket))
    except PermissionError:  # a key may be allowed a prefix, and not to see the bucket
        return True


def shown(root: str) -> str:
    """Return the root without what may be secret in it: a user's name and password, a query."""
    return re.sub(r"//[^/@]*@", "//***@", root.partition("?")[0])


def _package(protocol: str, error: ImportError) -> str:
    implementation = known_implementations.get(protocol, {}).get("class", "fsspec")
    package = str(implementation).partition(".")[0]
    return package if package != "fsspec" else str(error.name or first_line(error))
