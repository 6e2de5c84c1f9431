"""Ctrl-Z: what has to be done to a terminal before its process stops."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def suspend() -> None:
    """Stop as Ctrl-Z does; returns when the shell lets the process go on."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)


@contextmanager
def suspension(*, before: Callable[[], None]) -> Iterator[None]:
    """Call `before` when Ctrl-Z asks to stop, in its signal handler.

    A process that ignores Ctrl-Z still does.
    """
    was = signal.getsignal(signal.SIGTSTP)
    if was is signal.SIG_IGN:
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        before()
        suspend()

    signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, was)
