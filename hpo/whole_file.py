"""A file is there whole or not at all: written beside its place, then renamed.

`-` is standard output. What is no regular file, such as /dev/stdout, is written to, for a rename
would put a file in its place. A symbolic link stays, and what it points to is replaced.
"""

import contextlib
import os
import secrets
import shutil
from pathlib import Path

from hpo.errors import HpoError
from hpo.standard_output import STANDARD_OUTPUT, write_standard_output


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8; HpoError when the folder is missing or the disk is full.

    Who may read a new file the umask says; a file that is replaced stays open to the same people.
    """
    if path == STANDARD_OUTPUT:
        write_standard_output(text)
        return
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        place = Path(os.path.realpath(path)) if path.is_symlink() else path
        temporary = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            shutil.copymode(place, temporary)
        temporary.replace(place)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):  # there is none where a part of the path is a file
                temporary.unlink(missing_ok=True)
        raise HpoError(f"cannot write {path}: {error.strerror or error}") from error
