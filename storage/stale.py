"""RUNNING trials that nobody holds: their lease ran out, or they never had one.

A trial without a lease was begun by another program (Optuna's own workers, an older version) or
has lost its row. Whether it lives is judged by Optuna's heartbeat, or by its start where there is
none. All ages are by the database's clock.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import sqlalchemy as sa
from optuna.trial import TrialState

from storage import lease_rows
from storage.connect import Database
from storage.engines import make_unpinned_engine
from storage.failures import translated
from storage.lease_rows import ERROR, FORFEITED, GIVEN_BACK
from storage.tables import HEARTBEATS, LEASES, TRIALS, USER_ATTRIBUTES

AHEAD_S = 60.0  # a heartbeat may be written between our look at the clock and at the trial


@dataclass(frozen=True)
class RunOut:
    """An open lease without a holder; `ago_s` None: its worker gave it back or is known dead."""

    worker: str
    attempt: int
    given_back: bool
    ago_s: float | None


@dataclass(frozen=True)
class Unheld:
    """A running trial that no worker of ours holds; `lease` None: it has no lease at all.

    `silent_s` are the seconds since its last heartbeat if it `beats`, else since its start.
    """

    number: int
    lease: RunOut | None
    beats: bool
    silent_s: float


class StaleTrials:
    """The running trials of one study that no worker of ours holds."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def rows(self) -> list[Unheld]:
        """List them by number."""
        return self._database.query(self._read)

    def unleased(self) -> int:
        """Count those without a lease."""
        query = sa.select(sa.func.count()).select_from(_WITH_LEASE).where(*self._without_lease())
        return self._database.query(lambda connection: connection.execute(query).scalar_one())

    def fail(self, number: int, *, reason: str, silent_s: float) -> bool:
        """Fail one without a lease that was silent for so long; False where it is not so any more.

        The reason stands where `hpo retry` and people look for it. A program that works on the
        trial all the same can write nothing to it from now on.
        """

        def fail(connection: sa.Connection) -> bool:
            self._database.lock_study(connection, self._study_id)
            mine = TRIALS.c.study_id == self._study_id, TRIALS.c.number == number
            locked = sa.select(TRIALS.c.trial_id).where(*mine).with_for_update()
            trial_id = connection.execute(locked).scalar()
            if trial_id is None:
                return False
            found = [row for row in self._read(connection) if row.number == number]
            if found and found[0].lease is None and found[0].silent_s >= silent_s:
                now = lease_rows.read_clock(connection)
                lease_rows.fail_trial(connection, trial_id, reason, now)
                return True
            # Asked again after a lost answer: the first asking has done it.
            return _failed_for(connection, trial_id, reason)

        return self._database.transaction(fail)

    def _without_lease(self) -> tuple[sa.ColumnElement[bool], ...]:
        running = TRIALS.c.state == TrialState.RUNNING
        return TRIALS.c.study_id == self._study_id, running, LEASES.c.slot.is_(None)

    def _read(self, connection: sa.Connection) -> list[Unheld]:
        now = lease_rows.read_clock(connection)
        query = (
            sa.select(TRIALS.c.number, TRIALS.c.datetime_start, LEASES, HEARTBEATS.c.heartbeat)
            .select_from(_WITH_LEASE)
            .outerjoin(HEARTBEATS, HEARTBEATS.c.trial_id == TRIALS.c.trial_id)
            .where(TRIALS.c.study_id == self._study_id, TRIALS.c.state == TrialState.RUNNING)
            .where(sa.or_(LEASES.c.slot.is_(None), LEASES.c.expires_at <= now))
            .order_by(TRIALS.c.number)
        )
        return [self._unheld(row, now) for row in connection.execute(query)]

    def _unheld(self, row: "sa.Row[tuple[object, ...]]", now: float) -> Unheld:
        beats = row.heartbeat is not None
        if beats:
            silent = self._since_beat(now - _epoch(row.heartbeat))
        else:
            silent = max(now - _epoch(row.datetime_start), 0.0)
        if row.slot is None:
            return Unheld(row.number, None, beats, silent)
        ago = now - row.expires_at if row.expires_at > FORFEITED else None
        lease = RunOut(row.worker, row.attempt, row.expires_at == GIVEN_BACK, ago)
        return Unheld(row.number, lease, beats, silent)

    def _since_beat(self, as_utc: float) -> float:
        """The age of a heartbeat that reads as so old if it was written in UTC.

        Optuna lets the server write it in its session's time zone, which nobody knows later: UTC
        or the server's own. The younger of the two readings that can be counts, so that no live
        trial looks dead.
        """
        readings = (as_utc, as_utc + self._server_offset_s)
        possible = [max(age, 0.0) for age in readings if age > -AHEAD_S]
        return min(possible, default=0.0)

    @cached_property
    def _server_offset_s(self) -> float:
        """How far sessions that ask for no time zone, as plain Optuna's, are ahead of UTC."""
        if self._database.url.is_sqlite:
            return 0.0
        # Our own sessions are pinned to UTC from their start, so they cannot tell.
        unpinned = make_unpinned_engine(self._database.url)
        offset = sa.select(sa.extract("timezone", sa.func.now()))
        with translated(self._database.url), unpinned.connect() as connection:
            return float(connection.execute(offset).scalar_one())


_WITH_LEASE = TRIALS.outerjoin(
    LEASES,
    sa.and_(
        LEASES.c.study_id == TRIALS.c.study_id,
        LEASES.c.trial_id == TRIALS.c.trial_id,
        LEASES.c.started,
        sa.not_(LEASES.c.done),
    ),
)


def _failed_for(connection: sa.Connection, trial_id: int, reason: str) -> bool:
    query = (
        sa.select(TRIALS.c.trial_id)
        .join(USER_ATTRIBUTES, USER_ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
        .where(TRIALS.c.trial_id == trial_id, TRIALS.c.state == TrialState.FAIL)
        .where(USER_ATTRIBUTES.c.key == ERROR, USER_ATTRIBUTES.c.value_json == json.dumps(reason))
    )
    return connection.execute(query).first() is not None


def _epoch(time: datetime | None) -> float:
    """Optuna keeps times without a zone, in UTC; no time counts as long ago."""
    return 0.0 if time is None else time.replace(tzinfo=UTC).timestamp()
