"""Read a text file that somebody named: never endless, never a pipe that nobody writes to."""

from __future__ import annotations

import stat
from pathlib import Path

from config.errors import SourceError

MOST_BYTES = 10 * 10**6
PIPES = ("/dev/", "/proc/self/fd/")  # of a shell, as in `hpo config check <(…)`


def read_text(path: Path) -> str:
    """Give the file's text, without a byte order mark.

    Raises FileNotFoundError where there is none, else SourceError, without the file's name.
    """
    try:
        return _bytes(path).decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        raise SourceError(f"is not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceError(f"cannot be read: {reason}; name a YAML file") from error


def _bytes(path: Path) -> bytes:
    if stat.S_ISFIFO(path.stat().st_mode) and not str(path).startswith(PIPES):
        raise SourceError("is a pipe, which may never be written to; name a YAML file")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise SourceError(f"is larger than {MOST_BYTES // 10**6} MB; name a YAML file")
    return content
