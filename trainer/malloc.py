"""The C library's free lists: how much of a process's memory they hold, and having it given back.

To give back takes long (0.1 to 0.2 s for 1.5 GiB, measured), and what is given back is soon asked
for anew; to look takes half a millisecond. Where the library has no such functions, nothing is
known of its lists and nothing done.
"""

import ctypes
import sys
from functools import cache


class _Statistics(ctypes.Structure):
    """What glibc 2.33 and later tell of the heap: struct mallinfo2."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def free_bytes() -> int:
    """Return how many bytes lie in the free lists, those given back included; 0: not known."""
    look = _function("mallinfo2")
    if look is None:
        return 0
    look.restype = _Statistics
    return int(look().fordblks)


def trim() -> None:
    """Give the free lists' memory back to the system; the lists keep its addresses."""
    give_back = _function("malloc_trim")
    if give_back is not None:
        give_back(0)


@cache
def _function(name: str) -> "ctypes._NamedFuncPointer | None":
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), name, None)  # musl has none of them
