"""A word on the terminal for the seconds in which torch and transformers are loaded."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

WORD = "loading torch and transformers ..."
CLEAR_LINE = "\r\x1b[K"


@contextmanager
def loading() -> Iterator[None]:
    """Show the word on standard error while inside; nothing where that is no terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        yield
        return
    _show(WORD)
    try:
        yield
    finally:
        _show(CLEAR_LINE)


def _show(text: str) -> None:
    with suppress(OSError):  # a terminal that is gone
        sys.stderr.write(text)
        sys.stderr.flush()
