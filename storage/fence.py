"""Keeps what a worker without its lease still has in hand from reaching the trial.

A worker may be paused at any point, also between asking whether the trial is its own and writing to
it. So the question is part of the write's own transaction: on PostgreSQL the lease's row is locked
against a takeover until commit, on SQLite the write lock does that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy import orm

from storage.errors import LeaseLost
from storage.lease import Lease
from storage.lease_rows import is_held
from storage.tables import LEASES

WRITES_TO = "hpo_trial"  # in a session's info: the trial it writes to


class Fences:
    """The leases under which this process writes to trials; the same for all its threads."""

    def __init__(self) -> None:
        self._leases: dict[int, Lease] = {}

    @contextmanager
    def around(self, lease: Lease) -> Iterator[None]:
        """Let writes to the lease's trial through only while it is this worker's."""
        if lease.trial_id is None:
            raise ValueError(f"slot {lease.slot} has no trial yet: start its lease first")
        self._leases[lease.trial_id] = lease
        try:
            yield
        finally:
            self._leases.pop(lease.trial_id, None)

    @contextmanager
    def writing(self, session: orm.Session, trial_id: int) -> Iterator[None]:
        """Say which trial the session's next commit is about."""
        session.info[WRITES_TO] = trial_id
        try:
            yield
        finally:
            session.info.pop(WRITES_TO, None)

    def check(self, session: orm.Session) -> None:
        """Raise LeaseLost before a commit that writes to a trial of another worker."""
        lease = self._leases.get(session.info.get(WRITES_TO, 0))
        if lease is None:
            return
        # On SQLite the transaction, and with it the write lock, begins with the first change.
        session.flush()
        held = sa.select(LEASES.c.slot).where(is_held(lease)).with_for_update(read=True)
        if session.execute(held).first() is None:
            raise LeaseLost(
                f"the trial of slot {lease.slot} is no longer worker {lease.worker}'s: nothing was "
                "written to it"
            )
