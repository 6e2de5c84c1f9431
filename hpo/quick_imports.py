"""Imports of thousands of modules without the garbage collector's looks through them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing inside, and pass over what is there at the end from then on.

    Modules stay for good, and torch and transformers make objects enough for a thousand looks.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
