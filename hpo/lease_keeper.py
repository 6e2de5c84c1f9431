"""Keeps a trial's lease alive while it trains, from a thread with a connection of its own.

A database that is away for a moment is asked again; whether the lease was lost is for the
database to say, so only its answer sets `lost`.
"""

import logging
import threading
from typing import Self

from storage.errors import FileGone, StorageError
from storage.leases import Lease, Leases
from storage.workers import Workers

log = logging.getLogger(__name__)


class LeaseLost(BaseException):
    """Another worker has this trial now: nothing may be written to it any more.

    Not an Exception: what catches a trial's failures must let it through.
    """


class LeaseKeeper:
    """Renews one lease every third of its length between entering and leaving the context."""

    def __init__(self, leases: Leases, workers: Workers, lease: Lease) -> None:
        self._leases = leases
        self._workers = workers
        self._lease = lease
        self._lost = threading.Event()
        self._gone: FileGone | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLost when the last renewal found the lease gone; asks nobody.

        Raises FileGone where it found the database itself gone.
        """
        if self._gone is not None:
            raise self._gone
        if self._lost.is_set():
            raise LeaseLost

    def confirm(self) -> None:
        """Renew now and raise LeaseLost when the trial is no longer ours: before every write."""
        self.check()
        if not self._leases.renew(self._lease):
            self._lost.set()
            raise LeaseLost

    def _keep(self) -> None:
        while not self._ended.wait(self._leases.lease_s / 3):
            try:
                if not self._leases.renew(self._lease):
                    self._lost.set()
                    return
                self._workers.beat(self._lease.worker, doing="training")
            except FileGone as error:  # no time heals that, and what is trained on would be lost
                self._gone = error
                return
            except StorageError as error:
                log.warning("lease of trial not renewed, asking again: %s", error)
