"""One picture after another: on a terminal in each other's place, elsewhere one below the other.

On a terminal they have a screen of their own, which is left before Ctrl-Z stops the process and
before a signal ends it: lines that a narrower window has folded are not to be found again, and
whoever gets the terminal next wants its cursor. Signals are heeded between two pictures: in the
midst of one, rich would keep what it writes from then on to itself.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console, RenderableType
from rich.live import Live

from hpo.suspension import suspend
from hpo.worker_signals import die_of

HEEDED = (signal.SIGINT, signal.SIGTSTP, signal.SIGTERM, signal.SIGHUP)
POLL_S = 0.1


def watch(console: Console, picture: Callable[[], RenderableType], *, every_s: float) -> None:
    """Show what `picture` gives until Ctrl-C; the last one stays."""
    last = picture()
    if not console.is_terminal or console.is_dumb_terminal:
        with suppress(KeyboardInterrupt):
            while True:
                console.print(last)
                time.sleep(every_s)
                last = picture()
                console.print()
        return
    live = Live(last, console=console, screen=True, auto_refresh=False)
    with suppress(KeyboardInterrupt), _signals() as asked, live:
        while (number := asked.wait(every_s)) != signal.SIGINT:
            if number is None:
                last = picture()
                live.update(last, refresh=True)
                continue
            live.stop()
            if number != signal.SIGTSTP:
                die_of(number)
            suspend()
            live.start(refresh=True)
    console.print(last)


class _Signals:
    """The last signal that came; a second Ctrl-C raises, for a picture may take its time."""

    def __init__(self) -> None:
        self._number: int | None = None

    def take(self, number: int, frame: FrameType | None) -> None:
        if self._number == number == signal.SIGINT:
            signal.default_int_handler(number, frame)
        self._number = number

    def wait(self, seconds: float) -> int | None:
        """Wait for one, at most so long; None where none came."""
        until = time.monotonic() + seconds
        while self._number is None and time.monotonic() < until:
            time.sleep(POLL_S)
        number, self._number = self._number, None
        return number


@contextmanager
def _signals() -> Iterator[_Signals]:
    asked = _Signals()
    before = {number: signal.getsignal(number) for number in HEEDED}
    heeded = [number for number, was in before.items() if was is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, asked.take)
    try:
        yield asked
    finally:
        for number in heeded:
            signal.signal(number, before[number])
