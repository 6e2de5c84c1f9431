"""Entries with checksums: a manifest tells each file's SHA-256 and what training it belongs to."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self

import torch

from trainer.resume_place import MANIFEST, EntryWriter, Output, Place
from trainer.tensor_stream import map_tensors, read_tensors

FORMAT = 1
PLAIN_NAME = re.compile(r"\w[\w.-]*")


class Unusable(Exception):
    """An entry that must not be used; the message says why, in a few words."""


@dataclass(frozen=True)
class Manifest:
    """What an entry holds: each file's SHA-256 (hex), and the fingerprint of its training."""

    fingerprint: str
    checksums: dict[str, str]


class Sealer:
    """Writes the files of an entry and keeps their checksums."""

    def __init__(self, writer: EntryWriter) -> None:
        self.writer = writer
        self.checksums: dict[str, str] = {}

    @contextmanager
    def file(self, name: str) -> Iterator[Output]:
        """Write a file."""
        with self.writer.file(name) as output, Hashing(output) as hashing:
            yield hashing
        self.checksums[name] = hashing.hexdigest()

    def text(self, name: str, text: str) -> None:
        """Write a file of text."""
        with self.file(name) as output:
            output.write(memoryview(text.encode()))

    def take(self, path: Path) -> None:
        """Take a file that will never be changed."""
        self.checksums[path.name] = checksum(path)
        self.writer.take(path)

    def close(self, fingerprint: str) -> None:
        """Write the manifest, which makes the entry one."""
        content = {"format": FORMAT, "fingerprint": fingerprint, "sha256": self.checksums}
        with self.writer.file(MANIFEST) as output:
            output.write(memoryview(json.dumps(content, indent=1).encode()))


class Hashing:
    """Passes bytes on and hashes them meanwhile, in a thread: both let other threads run."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._digest = sha256()
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def write(self, data: memoryview) -> None:
        """Write the bytes; they must stay as they are until the next call."""
        self._settle()
        self._last = self._thread.submit(self._digest.update, data)
        self.output.write(data)

    def hexdigest(self) -> str:
        """Return the SHA-256 of all that was written."""
        self._settle()
        return self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.shutdown()

    def _settle(self) -> None:
        if self._last is not None:
            self._last.result()


def read_manifest(place: Place, entry: str) -> Manifest:
    """Return an entry's manifest; raises Unusable."""
    try:
        content = json.loads(place.read(entry, MANIFEST))
    except FileNotFoundError as error:
        raise Unusable("it is gone") from error
    except ValueError as error:
        raise Unusable("its manifest is damaged") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unusable(f"its format is not {FORMAT}")
    checksums = content.get("sha256")
    if not isinstance(checksums, dict) or not all(map(PLAIN_NAME.fullmatch, checksums)):
        raise Unusable("its manifest is damaged")
    return Manifest(str(content.get("fingerprint")), {k: str(v) for k, v in checksums.items()})


def read_checked(place: Place, entry: str, manifest: Manifest, file: str) -> bytes:
    """Return a file's bytes, once they are what was written; raises Unusable."""
    try:
        data = place.read(entry, file)
    except FileNotFoundError as error:
        raise Unusable(f"{file} is missing") from error
    if sha256(data).hexdigest() != manifest.checksums.get(file):
        raise Unusable(f"{file} is damaged")
    return data


def checked_tensors(
    place: Place, entry: str, manifest: Manifest, file: str
) -> dict[str, torch.Tensor]:
    """Return a file's tensors, once they are what was written; raises Unusable, or ValueError.

    In a folder they are the file's own pages, read when they are looked at: 1.5 GB less memory.
    """
    path = place.path(entry, file)
    if path is None:
        return read_tensors(read_checked(place, entry, manifest, file))
    if not path.is_file():
        raise Unusable(f"{file} is missing")
    if checksum(path) != manifest.checksums.get(file):
        raise Unusable(f"{file} is damaged")
    return map_tensors(path)


def fetch_checked(place: Place, entry: str, manifest: Manifest, to: Path) -> None:
    """Put the entry's files into the folder `to`, once they are what was written; or Unusable."""
    for file, expected in manifest.checksums.items():
        try:
            place.fetch(entry, file, to / file)
        except FileNotFoundError as error:
            raise Unusable(f"{file} of {entry} is missing") from error
        if checksum(to / file) != expected:
            raise Unusable(f"{file} of {entry} is damaged")


def checksum(path: Path) -> str:
    """Return a file's SHA-256 (hex)."""
    with path.open("rb") as file:
        return file_digest(file, sha256).hexdigest()
