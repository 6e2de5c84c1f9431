"""Arrays that are costly to make, kept on disk: a cache saves time and can never cost a training.

A file is safetensors (no pickle) with a checksum of its contents, written under a temporary name
and renamed: processes that start together see all of it or nothing, and one of them makes it. A
file that is damaged is made again; a folder that cannot be written is done without.
"""

import logging
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

Arrays = Mapping[str, NDArray[np.int32]]

LOCK_S = 600  # longer than any split takes to make; whoever waits that long makes its own
CHECKSUM = "sha256"

log = logging.getLogger(__name__)


def cached_arrays(folder: Path | None, key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays that `folder` keeps under `key`, or make them and keep them there.

    `key` must be usable as a file name and say everything that the arrays depend on. None for
    `folder` makes them each time. Only what `make` raises is raised.
    """
    if folder is None:
        return make()
    path = folder / f"{key}.safetensors"
    found = _read(path)
    if found is not None:
        return found
    lock = FileLock(path.with_suffix(".lock"), timeout=LOCK_S)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, Timeout) as error:
        log.warning("no cache in %s (%s); going on without one", folder, error)
        return make()
    try:
        found = _read(path)
        return _made(path, make) if found is None else found
    finally:
        lock.release()


def _made(path: Path, make: Callable[[], Arrays]) -> Arrays:
    arrays = make()
    for abandoned in path.parent.glob(f".{path.stem}.*.partial"):
        abandoned.unlink(missing_ok=True)  # its process died: the lock is ours
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial")
    try:
        save_file(dict(arrays), partial, metadata={CHECKSUM: _checksum(arrays)})
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        log.warning("the cache %s cannot be written (%s); going on without it", path, error)
        partial.unlink(missing_ok=True)
    return arrays


def _read(path: Path) -> Arrays | None:
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            expected = (file.metadata() or {}).get(CHECKSUM)
    except (OSError, SafetensorError) as error:
        log.warning("the cache %s is damaged (%s); making it again", path, error)
        return None
    if expected != _checksum(arrays):
        log.warning("the cache %s is damaged (its checksum differs); making it again", path)
        return None
    return arrays


def _checksum(arrays: Arrays) -> str:
    digest = sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
