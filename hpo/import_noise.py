"""Imports that talk: matplotlib and fontconfig, where there is no home to keep their lists in.

They use a temporary folder then and say so on standard error, some of it in processes of their own.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unheard() -> Iterator[None]:
    """Let nothing inside be seen on standard error; what is raised passes as ever."""
    try:
        heard = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)
