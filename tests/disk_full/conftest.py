"""A disk that is really full: a small file system in memory, mounted for one test."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SIZE_KIB = 512
BLOCK = b"\0" * 4096


def _fill(folder: Path) -> None:
    with (folder / "filler").open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(BLOCK)


@pytest.fixture
def fill() -> Callable[[Path], None]:
    """Write into a folder until nothing more fits."""
    return _fill


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 512 KiB, or of as many as the test gives."""
    place = tmp_path / "small"
    place.mkdir()
    options = f"size={getattr(request, 'param', SIZE_KIB)}k"
    command = ["mount", "-t", "tmpfs", "-o", options, "hpo-test", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a file system here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        os.chdir(tmp_path)
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def full_disk(small_disk: Path) -> Path:
    """The same with not a byte left."""
    _fill(small_disk)
    return small_disk


@pytest.fixture
def left() -> Callable[[Path], set[str]]:
    """What lies in a folder besides the filler."""
    return lambda folder: {path.name for path in folder.iterdir()} - {"filler"}
