"""Keeps what a worker without its lease still has in hand from reaching the trial.

A worker may be paused at any point, also between asking whether the trial is its own and writing to
it. So the question is part of the write's own transaction: on PostgreSQL the lease's row is locked
against a takeover until commit, on SQLite the write lock does that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from optuna.trial import TrialState

from storage.errors import LeaseLost
from storage.lease import Lease
from storage.lease_rows import is_held
from storage.study_lock import idle_limit
from storage.tables import LEASES, TRIALS


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

    def state(self, connection: sa.Connection, trial_id: int) -> TrialState | None:
        """Give the state of a trial that is to be written to; None where there is none.

        Until commit no other worker takes it over. Raises LeaseLost where one has, unless the
        trial has ended since: that comes first.
        """
        state = sa.select(TRIALS.c.state).where(TRIALS.c.trial_id == trial_id)
        lease = self._leases.get(trial_id)
        if lease is not None:
            mine = state.join(LEASES, LEASES.c.trial_id == TRIALS.c.trial_id).where(is_held(lease))
            mine = mine.add_columns(*idle_limit(connection))
            mine = mine.with_for_update(read=True, of=LEASES)
            held: TrialState | None = connection.execute(mine).scalar()
            if held is not None:
                return held
        found: TrialState | None = connection.execute(state).scalar()
        if lease is not None and found is not None and not found.is_finished():
            raise LeaseLost(
                f"the trial of slot {lease.slot} is no longer worker {lease.worker}'s: nothing was "
                "written to it"
            )
        return found

    def close(self, connection: sa.Connection, trial_id: int) -> None:
        """Close the lease of a trial that ends in this transaction. Raises LeaseLost, see `state`.

        A lease that its own end has not closed would be open until it runs out.
        """
        lease = self._leases.get(trial_id)
        if lease is not None:
            row = LEASES.update().where(is_held(lease), LEASES.c.trial_id == trial_id)
            closed = row.values(done=True).returning(LEASES.c.slot, *idle_limit(connection))
            if connection.execute(closed).first() is None:
                self.state(connection, trial_id)
