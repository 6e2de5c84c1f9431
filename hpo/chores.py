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

Chore = Callable[[], object]

HELD_S = 10.0

log = logging.getLogger(__name__)


class Chores:
    """Does what it is given at once."""

    def hold(self) -> None:
        """Leave what is added from now on until `go_on`, where it is not done at once anyway."""

    def go_on(self) -> None:
        """Do what was held: the next trial trains."""

    def add(self, chore: Chore) -> None:
        """Do it, or have it done soon; in the order in which they are given."""
        try:
            chore()
        except Exception:  # the trial has ended, whatever becomes of its files
            log.warning("something of an ended trial is left as it was", exc_info=True)


class ChoresAside(Chores):
    """Does what it is given in a thread of its own; held ones after HELD_S at the latest.

    Beside a trial that begins, they would take turns with it at the interpreter and the database.
    """

    def __init__(self) -> None:
        self._free = threading.Event()
        self._free.set()
        self._waiting: queue.Queue[Chore | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="chores", daemon=True)
        self._thread.start()

    @override
    def hold(self) -> None:
        self._free.clear()

    @override
    def go_on(self) -> None:
        self._free.set()

    @override
    def add(self, chore: Chore) -> None:
        self._waiting.put(chore)

    def close(self) -> None:
        """Wait until all is done."""
        self._waiting.put(None)
        self._free.set()
        self._thread.join()

    def _work(self) -> None:
        while (chore := self._waiting.get()) is not None:
            self._free.wait(HELD_S)
            self._free.set()
            super().add(chore)
            del chore  # or the trial that it holds would stay until the next


@contextmanager
def chores_aside() -> Iterator[ChoresAside]:
    """Do chores in a thread until the end of the context, which waits for the last."""
    chores = ChoresAside()
    try:
        yield chores
    finally:
        chores.close()
