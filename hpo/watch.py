"""One picture after another: on a terminal in each other's place, elsewhere one below the other.

On a terminal they have a screen of their own, which is left before Ctrl-Z stops the process and
before a signal ends it: lines that a narrower window has folded are not to be found again, and
whoever gets the terminal next wants its cursor.
"""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console, RenderableType
from rich.live import Live

from hpo.suspension import suspension
from hpo.worker_signals import die_of

ENDING = (signal.SIGTERM, signal.SIGHUP)


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
    with suppress(KeyboardInterrupt), _giving_the_screen_back(live), live:
        while True:
            time.sleep(every_s)
            last = picture()
            live.update(last, refresh=True)
    console.print(last)


@contextmanager
def _giving_the_screen_back(live: Live) -> Iterator[None]:
    def end(number: int, _frame: FrameType | None) -> None:
        live.stop()
        die_of(number)

    before = {number: signal.getsignal(number) for number in ENDING}
    heeded = [number for number, was in before.items() if was is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, end)
    try:
        with suspension(before=live.stop, after=lambda: live.start(refresh=True)):
            yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
