"""Who works on which trial, until when, and how many trials were ever taken: the exact budget.

Each decision is one transaction under the study's lock, and all times are the database's. A trial
is created or dequeued in the same transaction that binds it to its lease, so a worker that dies
at any point leaves either both or neither.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace

import sqlalchemy as sa

from storage import budget as budgets
from storage import lease_rows
from storage.budget import Budget
from storage.connect import Database
from storage.errors import LeaseLost
from storage.failures import translated
from storage.lease import LEASE_S, Lease, Spent, Wait
from storage.lease_rows import FORFEITED, GIVEN_BACK, Abandoned, Held, HeldTrial, LeaseRow
from storage.tables import LEASES, clock

__all__ = ["Lease", "Leases", "Spent", "Wait"]

MAX_ATTEMPTS = 3
POLL_S = 5.0  # longest advised sleep of a worker that waits for another's trial
SHORTEST_POLL_S = 0.2


class Leases:
    """The leases of one study; `lease_s` is how many seconds a lease lasts unless renewed.

    A lease that another worker took over is changed by none of the methods: they say so by
    False, and `start` by LeaseLost.
    """

    def __init__(self, database: Database, study_id: int, *, lease_s: float = LEASE_S) -> None:
        if lease_s <= 0:
            raise ValueError(f"lease_s must be above 0 seconds, but is {lease_s}")
        self._database = database
        self._study_id = study_id
        self._lease_s = lease_s

    @property
    def lease_s(self) -> float:
        """How many seconds a lease lasts unless renewed."""
        return self._lease_s

    def claim(
        self,
        worker: str,
        *,
        n_trials: int,
        most: int | None = None,
        timeout_s: float | None = None,
        max_attempts: int = MAX_ATTEMPTS,
        on_given_up: Callable[[int], None] = lambda _: None,
    ) -> Lease | Wait | Spent:
        """Take the next trial: one that lost its worker, else an enqueued one, else a new one.

        `worker` must be unique among all workers ever started. Enqueued and new trials count
        towards the budget; one that goes on does not. A worker that holds a lease already gets the
        same again, never a second one. A trial that was lost max_attempts times is failed, not
        taken, and `on_given_up` is told its id afterwards. `n_trials` is the pinned number, which
        an extension may have raised; `most` the size of a finite search space. In a study that was
        closed, as by its time-out, `timeout_s` after its first trial began, trials only go on.
        """
        if max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1, but is {max_attempts}")
        budget = Budget(n_trials, most, timeout_s)
        asked = itertools.count()
        given_up: dict[int, None] = {}  # also of an asking whose answer was lost, each once

        def claim(connection: sa.Connection) -> Lease | Wait | Spent:
            now = self._lock(connection)
            lease_rows.close_finished(connection, self._study_id, now)
            # Asked again after a lost answer, what the first asking took may have run out.
            since = now if next(asked) == 0 else FORFEITED
            held = lease_rows.held_by(connection, self._study_id, worker, since)
            if held is not None:
                return self._hold(connection, held, worker=worker, now=now)
            return self._next(
                connection, worker, budget, attempts=max_attempts, given_up=given_up, now=now
            )

        claimed = self._database.transaction(claim)
        for trial_id in given_up:
            on_given_up(trial_id)
        return claimed

    def start(self, lease: Lease) -> Lease:
        """Give the lease a running trial: the enqueued one it reserved, or a new one.

        A trial that goes on is left as it is. Raises LeaseLost, also when another program has
        ended the trial meanwhile: then the lease is closed.
        """
        bound = self._database.transaction(lambda connection: self._start(connection, lease))
        if bound is None:
            raise LeaseLost(f"the trial of slot {lease.slot} was ended by another program")
        # Optuna's cache learns of the trial by this read; its parameters cannot be set before.
        with translated(self._database.url):
            self._database.storage.get_all_trials(self._study_id, deepcopy=False)
        return bound

    def renew(self, lease: Lease) -> bool:
        """Prolong the lease from now."""
        now = clock(self._database.engine.name)
        return self._change(lease, expires_at=now + self._lease_s)

    def release(self, lease: Lease) -> bool:
        """Give the trial back for the next worker at once; that does not count as an attempt."""
        return self._change(lease, expires_at=GIVEN_BACK)

    def done(self, lease: Lease) -> bool:
        """Close the lease of a finished trial; it stays counted.

        What ends a trial under its fence has done so already: False.
        """
        return self._change(lease, done=True)

    def forfeit(self, worker: str) -> int:
        """Let the open leases of a dead worker run out now, and count them.

        They go on with the next worker at once, and that counts as an attempt.
        """
        row = LEASES.update().where(
            LEASES.c.study_id == self._study_id,
            LEASES.c.worker == worker,
            LEASES.c.expires_at > GIVEN_BACK,
            sa.not_(LEASES.c.done),
        )
        return self._database.transaction(
            lambda connection: connection.execute(row.values(expires_at=FORFEITED)).rowcount,
            one_statement=True,
        )

    def cancel(self, lease: Lease) -> bool:
        """Give the place back to the budget; only while no trial was started for it."""
        row = LEASES.delete().where(lease_rows.is_held(lease), sa.not_(LEASES.c.started))
        slot = LEASES.c.study_id == self._study_id, LEASES.c.slot == lease.slot
        asked = itertools.count()

        def delete(connection: sa.Connection) -> bool:
            again = next(asked) > 0
            self._lock(connection)
            if connection.execute(row).rowcount == 1:
                return True
            # Asked again after a lost answer: what is gone, the first asking has deleted.
            return again and not lease_rows.has(connection, *slot)

        return self._database.transaction(delete)

    def check_study(self) -> None:
        """Raise Missing where the study was deleted."""
        self._database.transaction(self._lock)

    def taken(self) -> int:
        """Count the trials ever taken from the budget."""
        return self._database.query(lambda connection: lease_rows.count(connection, self._study_id))

    def leased(self) -> set[int]:
        """Give the ids of all trials that were ever taken from the budget."""
        return self._database.query(
            lambda connection: lease_rows.leased(connection, self._study_id)
        )

    def rows(self, *, done: bool = True) -> list[LeaseRow]:
        """List all leases in the order they were taken; without `done` only the open ones."""
        return self._database.query(
            lambda connection: lease_rows.list_rows(connection, self._study_id, done=done)
        )

    def _lock(self, connection: sa.Connection) -> float:
        """Keep other decisions out until commit; give the time, read after the wait for that."""
        self._database.lock_study(connection, self._study_id)
        return lease_rows.read_clock(connection)

    def _change(self, lease: Lease, **values: object) -> bool:
        row = LEASES.update().where(lease_rows.is_held(lease)).values(**values)
        asked = itertools.count()

        def change(connection: sa.Connection) -> bool:
            again = next(asked) > 0
            if connection.execute(row).rowcount == 1:
                return True
            # Asked again after a lost answer: the first asking may have done it.
            return again and lease_rows.has(
                connection,
                lease_rows.was_held(lease),
                *(LEASES.c[name] == value for name, value in values.items()),
            )

        return self._database.transaction(change, one_statement=True)

    def _next(
        self,
        connection: sa.Connection,
        worker: str,
        budget: Budget,
        *,
        attempts: int,
        given_up: dict[int, None],
        now: float,
    ) -> Lease | Wait | Spent:
        since = FORFEITED if self._may_be_renewed() else now
        while (left := lease_rows.next_abandoned(connection, self._study_id, since)) is not None:
            if not left.running or left.given_back or left.attempt < attempts:
                return self._take_over(connection, left, worker=worker, now=now)
            given_up[self._fail(connection, left, now=now)] = None
        taken, slot = lease_rows.taken_and_next(connection, self._study_id)
        if budgets.has_place(connection, self._study_id, budget, taken=taken, now=now):
            return self._take_new(connection, slot, worker=worker, now=now)
        running, first = lease_rows.still_running(connection, self._study_id)
        if not running:
            closed = budgets.closed(connection, self._study_id, pinned=budget.n_trials)
            return Spent(None if closed is None else closed.reason)
        return Wait(min(max(first - now, SHORTEST_POLL_S), POLL_S), running)

    def _may_be_renewed(self) -> bool:
        """Whether leases ran out because nobody could renew them: their workers come first.

        Or an outage would cost a trial an attempt while its worker lives, and the third fail it.
        """
        return self._database.was_away(longer_than_s=self._lease_s / 2, within_s=self._lease_s / 2)

    def _fail(self, connection: sa.Connection, left: Abandoned, *, now: float) -> int:
        assert left.trial_id is not None  # noqa: S101 - a running trial has an id
        times = "once" if left.attempt == 1 else f"{left.attempt} times"
        lease_rows.fail_trial(connection, left.trial_id, f"killed its worker {times}", now)
        connection.execute(self._slot(left.slot).values(done=True))
        return left.trial_id

    def _hold(self, connection: sa.Connection, held: Held, *, worker: str, now: float) -> Lease:
        connection.execute(self._slot(held.slot).values(expires_at=now + self._lease_s))
        return Lease(
            self._study_id, held.slot, held.trial_id, worker, held.attempt, continued=held.running
        )

    def _slot(self, slot: int) -> sa.Update:
        return LEASES.update().where(LEASES.c.study_id == self._study_id, LEASES.c.slot == slot)

    def _start(self, connection: sa.Connection, lease: Lease) -> Lease | None:
        """Bind the lease; None when another program has ended its trial."""
        now = self._lock(connection)
        held = lease_rows.held_trial(connection, lease_rows.is_held(lease))
        if held is None:
            raise LeaseLost(f"slot {lease.slot} was given to another worker before it started")
        bound = self._bind(connection, lease, held, now=now)
        return None if held.ended else bound

    def _take_over(
        self, connection: sa.Connection, left: Abandoned, *, worker: str, now: float
    ) -> Lease:
        attempt = left.attempt if left.given_back else left.attempt + 1
        taken = self._slot(left.slot).values(
            worker=worker, attempt=attempt, expires_at=now + self._lease_s
        )
        connection.execute(taken)
        return Lease(self._study_id, left.slot, left.trial_id, worker, attempt, left.running)

    def _take_new(self, connection: sa.Connection, slot: int, *, worker: str, now: float) -> Lease:
        trial_id = lease_rows.oldest_enqueued(connection, self._study_id)
        connection.execute(
            LEASES.insert().values(
                study_id=self._study_id,
                slot=slot,
                trial_id=trial_id,
                started=False,
                worker=worker,
                attempt=1,
                expires_at=now + self._lease_s,
                done=False,
            )
        )
        return Lease(self._study_id, slot, trial_id, worker, 1, continued=False)

    def _bind(
        self, connection: sa.Connection, lease: Lease, held: HeldTrial, *, now: float
    ) -> Lease:
        row = LEASES.update().where(lease_rows.is_held(lease))
        if held.ended:
            connection.execute(row.values(done=True))
            return lease
        trial_id = self._running_trial(connection, held, now=now)
        until = now + self._lease_s
        connection.execute(row.values(trial_id=trial_id, started=True, expires_at=until))
        return replace(lease, trial_id=trial_id)

    def _running_trial(self, connection: sa.Connection, held: HeldTrial, *, now: float) -> int:
        if held.trial_id is not None:
            if held.started:
                return held.trial_id
            # A program that is not ours may have popped the enqueued trial meanwhile.
            if lease_rows.run_enqueued(connection, held.trial_id, now):
                return held.trial_id
        return lease_rows.create_trial(connection, self._study_id, now)
