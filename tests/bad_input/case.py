"""One wrong input: what is typed, what lies in the folder, and what must be said."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

WRONG_INPUT, KNOWN_FAILURE = 2, 1
BESIDE = ("Usage: ", "Try '")  # what click prints beside the one line

Content = str | bytes | Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A command line that must be refused in one line that holds each of `says`.

    status: 2 for what was typed and cannot work, 1 for what was found.
    files: what lies in the folder; a function makes its own kind of file.
    secret: what may never be shown.
    """

    name: str
    words: tuple[str, ...]
    says: tuple[str, ...]
    status: int = WRONG_INPUT
    files: Mapping[str, Content] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = None
    stdin: str | None = None

    @property
    def input(self) -> tuple[object, ...]:
        """What makes the case another one than the others, whatever it is called."""
        files = tuple((name, str(content)) for name, content in sorted(self.files.items()))
        return (self.words, files, tuple(sorted(self.environ.items())), self.stdin)


def fifo(path: Path) -> None:
    """Make a pipe that nobody writes to."""
    os.mkfifo(path)


def folder(path: Path) -> None:
    """Make a folder where a file is expected."""
    path.mkdir()


def link_to(target: str) -> Callable[[Path], None]:
    """Make a symbolic link, to itself where `target` is its own name."""

    def make(path: Path) -> None:
        path.symlink_to(target)

    make.__qualname__ = f"link_to({target})"
    return make


def put(files: Mapping[str, Content], place: Path) -> None:
    """Lay the files of a case into a folder."""
    for name, content in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_bytes(content.encode())


def snapshot(place: Path) -> dict[str, bytes | str]:
    """Give everything in a folder with its contents, to see whether anything has changed."""
    found: dict[str, bytes | str] = {}
    for path in sorted(place.rglob("*")):
        name = str(path.relative_to(place))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = path.read_bytes()
        else:
            found[name] = "folder" if path.is_dir() else "special"
    return found


def error_lines(output: str) -> list[str]:
    """Give the lines of an output without click's usage lines."""
    return [line for line in output.splitlines() if line.strip() and not line.startswith(BESIDE)]
