"""A card that several workers train on, and how a trial that needs all of it gets it.

Each worker has an equal part of the card's memory. Batches that do not fit there are cut as ever.
Where not one example fits, that says something about the part and nothing about the card: the trial
waits until its neighbours have ended theirs, and is trained alone.

Two file locks a card, which the kernel drops with their process: whoever trains holds `card`,
shared or alone, and passes through `door` first. Who waits to be alone keeps the door.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from typing_extensions import override  # Python 3.11's typing has none

from hpo.share import Share
from trainer.device_errors import device_errors_named, free_memory
from trainer.errors import OutOfMemory
from trainer.memory_share import take_share

POLL_S = 0.2

T = TypeVar("T")
Poll = Callable[[], None]


class Card:
    """What a worker trains on. This one is its own."""

    def train(self, attempt: Callable[[], T], *, again: Callable[[], None], poll: Poll) -> T:
        """Return what the attempt at a training returns.

        Where it is to be made once more, `again` is called before. While it waits, `poll` is
        called, and what that raises passes through.
        """
        del again, poll
        return attempt()


class SharedCard(Card):
    """One of several workers' parts of a card; `say` takes a line for the terminal."""

    def __init__(self, share: Share, say: Callable[[str], None]) -> None:
        self._workers = share.workers
        self._say = say
        Path(share.lock).parent.mkdir(parents=True, exist_ok=True)
        self._card, self._door = (
            os.open(f"{share.lock}.{name}", os.O_RDWR | os.O_CREAT, 0o600)
            for name in ("card", "door")
        )
        take_share(self._workers)

    @override
    def train(self, attempt: Callable[[], T], *, again: Callable[[], None], poll: Poll) -> T:
        with self._beside_others(poll):
            try:
                return attempt()
            except OutOfMemory as error:
                self._say(f"{error}: waiting for the others on this card, to train it alone")
        with self._alone(poll):
            again()
            return attempt()

    @contextmanager
    def _beside_others(self, poll: Poll) -> Iterator[None]:
        told = False
        while not self._enter():
            if not told:
                self._say("waiting: a trial on this card needs all of it")
            told = True
            poll()
            time.sleep(POLL_S)
        try:
            yield
        finally:
            fcntl.flock(self._card, fcntl.LOCK_UN)

    def _enter(self) -> bool:
        """Pass the door, where nobody waits in it and nobody is alone."""
        if not _lock(self._door, fcntl.LOCK_EX):
            return False
        entered = _lock(self._card, fcntl.LOCK_SH)
        fcntl.flock(self._door, fcntl.LOCK_UN)
        return entered

    @contextmanager
    def _alone(self, poll: Poll) -> Iterator[None]:
        try:
            for lock in (self._door, self._card):
                while not _lock(lock, fcntl.LOCK_EX):
                    poll()
                    time.sleep(POLL_S)
            with device_errors_named():  # a neighbour under MPS may have broken the card's context
                free_memory()
            take_share(1)
            yield
        finally:
            take_share(self._workers)
            fcntl.flock(self._card, fcntl.LOCK_UN)
            fcntl.flock(self._door, fcntl.LOCK_UN)


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
