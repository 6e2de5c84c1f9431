"""Ctrl-Z: what has to be done to a terminal before its process stops, and when it goes on."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def suspension(*, before: Callable[[], None], after: Callable[[], None]) -> Iterator[None]:
    """Call `before` when Ctrl-Z asks to stop and `after` on going on, both in a signal handler.

    A process that ignores Ctrl-Z still does.
    """
    was = signal.getsignal(signal.SIGTSTP)
    if was is signal.SIG_IGN:
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        before()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the shell lets it go on
        signal.signal(number, stop)
        after()

    signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, was)
