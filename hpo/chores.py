"""What is left to do when a trial has been told: its note, its files. The next one need not wait.

A chore never raises, and nothing is lost with one that was not done: the next worker sweeps files,
and a note is made from what the database holds.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from typing_extensions import override

from hpo.turnover import Turnover
from storage.errors import FileGone, Missing, WentBack

HURRIED_S = 3.0
"""What a worker that was asked to stop has for its chores, of 10 seconds for everything."""
POLL_S = 0.1

Chore = Callable[[], object]

log = logging.getLogger(__name__)


class Chores:
    """Does what it is given at once."""

    def add(self, chore: Chore) -> None:
        """Do it, or have it done soon; in the order in which they are given."""
        try:
            chore()
        except (Missing, FileGone, WentBack):
            log.debug("an ended trial is gone", exc_info=True)
        except Exception:  # the trial has ended, whatever becomes of its files
            log.warning("something of an ended trial is left as it was", exc_info=True)


class ChoresAside(Chores):
    """Does what it is given in a thread of its own, between two turnovers."""

    def __init__(self, turnover: Turnover) -> None:
        self._turnover = turnover
        self._waiting: queue.Queue[Chore | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="chores", daemon=True)
        self._thread.start()

    @override
    def add(self, chore: Chore) -> None:
        self._waiting.put(chore)

    def close(self, *, hurried: Callable[[], bool]) -> None:
        """Wait until all is done, but a few seconds only once `hurried` says so."""
        self._waiting.put(None)
        self._turnover.end()
        left_s = HURRIED_S
        while self._thread.is_alive() and left_s > 0:
            self._thread.join(POLL_S)
            left_s -= POLL_S * hurried()

    def _work(self) -> None:
        while (chore := self._waiting.get()) is not None:
            self._turnover.wait()
            super().add(chore)
            del chore  # or the trial that it holds would stay until the next


@contextmanager
def chores_aside(
    turnover: Turnover, *, hurried: Callable[[], bool] = lambda: False
) -> Iterator[ChoresAside]:
    """Do chores in a thread until the end of the context, which waits for the last.

    Once `hurried` says so it waits no more than HURRIED_S, as for a disk that does not answer.
    """
    chores = ChoresAside(turnover)
    try:
        yield chores
    finally:
        chores.close(hurried=hurried)
