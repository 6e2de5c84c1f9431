"""A file is there whole or not at all: written beside its place, then renamed."""

import os
import tempfile
from pathlib import Path

from hpo.errors import HpoError


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8; HpoError when the folder is missing or the disk is full."""
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise HpoError(f"cannot write {path}: {error.strerror or error}") from error
