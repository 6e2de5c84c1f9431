"""Ending on SIGINT and SIGTERM: the first asks, a second acts as it would without us."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from trainer.errors import Interrupted

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
POLL_S = 0.1


class Stopped(Interrupted):
    """The worker was asked to stop while a trial was training."""


class StopRequest:
    """Whether the process was asked to stop.

    A plain flag, not a threading.Event: a handler that runs while the main thread is inside
    Event.wait would wait for a lock that its own thread holds.
    """

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        """Ask to stop; safe in a signal handler."""
        self._asked = True

    def is_set(self) -> bool:
        """Say whether it was asked."""
        return self._asked

    def wait(self, seconds: float) -> bool:
        """Sleep for at most `seconds`, less when asked to stop; say whether it was asked."""
        until = time.monotonic() + seconds
        while not self._asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, POLL_S))
        return self._asked


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Yield what the first SIGINT or SIGTERM sets; the old handlers are back by then."""
    requested = StopRequest()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's form
        requested.set()
        restore()

    for number in STOP_SIGNALS:
        signal.signal(number, request)
    try:
        yield requested
    finally:
        restore()
