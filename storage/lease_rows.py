"""The SQL of the leases: each function is one step inside a transaction that the caller opened."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from optuna.trial import TrialState

from storage.lease import Lease
from storage.tables import LEASES, SYSTEM_ATTRIBUTES, TRIALS, USER_ATTRIBUTES, clock

GIVEN_BACK = 0.0  # expires_at of a lease whose worker left in good order
FORFEITED = 1.0  # the same for one whose worker is known to be dead: long ago, by any clock
ERROR = "hpo:error"  # user attribute with the line that says why a trial failed
FIXED_PARAMS = "fixed_params"  # Optuna's system attribute with what a trial was enqueued with
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
_WITH_TRIALS = LEASES.outerjoin(TRIALS, TRIALS.c.trial_id == LEASES.c.trial_id)


@dataclass(frozen=True)
class Abandoned:
    """An open lease without a holder: it ran out, or was given back."""

    slot: int
    trial_id: int | None
    attempt: int
    given_back: bool
    running: bool


@dataclass(frozen=True)
class Held:
    """The open lease that a worker has already."""

    slot: int
    trial_id: int | None
    attempt: int
    running: bool


@dataclass(frozen=True)
class HeldTrial:
    """What a lease in hand points at: a trial that was started, one reserved, or none."""

    trial_id: int | None
    started: bool
    ended: bool


@dataclass(frozen=True)
class LeaseRow:
    """A lease as status shows it; `expires_in` in seconds, below 0 once it has run out."""

    slot: int
    trial_id: int | None
    number: int | None
    state: TrialState | None
    worker: str
    attempt: int
    expires_in: float
    done: bool


def was_held(lease: Lease) -> sa.ColumnElement[bool]:
    """Select the row of a lease that nobody took over, whether it is still open or not."""
    return sa.and_(
        LEASES.c.study_id == lease.study_id,
        LEASES.c.slot == lease.slot,
        LEASES.c.worker == lease.worker,
        LEASES.c.attempt == lease.attempt,
    )


def is_held(lease: Lease) -> sa.ColumnElement[bool]:
    """Select the row of a lease that is still its worker's: open, and not given back."""
    return sa.and_(was_held(lease), LEASES.c.expires_at > GIVEN_BACK, sa.not_(LEASES.c.done))


def has(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> bool:
    """Tell whether there is such a lease."""
    return connection.execute(sa.select(LEASES.c.slot).where(*where)).first() is not None


def read_clock(connection: sa.Connection) -> float:
    """Read the database's clock, in epoch seconds."""
    return float(connection.execute(sa.select(clock(connection.dialect.name))).scalar_one())


def count(connection: sa.Connection, study_id: int) -> int:
    """Count the places taken from the budget."""
    query = sa.select(sa.func.count()).where(LEASES.c.study_id == study_id)
    return int(connection.execute(query).scalar_one())


def close_finished(connection: sa.Connection, study_id: int, now: float) -> None:
    """Mark leases done whose worker died between ending the trial and saying so."""
    run_out = LEASES.update().where(_open(study_id), LEASES.c.expires_at <= now, _ended())
    connection.execute(run_out.values(done=True))


def held_by(connection: sa.Connection, study_id: int, worker: str, since: float) -> Held | None:
    """Find the open lease of a worker that runs out after the time `since`; the newest of them."""
    query = (
        sa.select(LEASES, TRIALS.c.state)
        .select_from(_WITH_TRIALS)
        .where(_open(study_id), LEASES.c.worker == worker, LEASES.c.expires_at > since, ~_ended())
        .order_by(LEASES.c.slot.desc())
        .limit(1)
        .with_for_update(of=LEASES)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    running = row.started and row.state == TrialState.RUNNING
    return Held(row.slot, row.trial_id, row.attempt, running)


def next_abandoned(connection: sa.Connection, study_id: int, now: float) -> Abandoned | None:
    """Find the oldest open lease that nobody holds; its late worker cannot change it any more.

    A worker renews and ends without the study's lock, so the row is locked and looked at anew.
    """
    query = (
        sa.select(LEASES, TRIALS.c.state)
        .select_from(_WITH_TRIALS)
        .where(_open(study_id), LEASES.c.expires_at <= now, ~_ended())
        .order_by(LEASES.c.slot)
        .limit(1)
        .with_for_update(of=LEASES)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    # A reserved trial may have been taken by a program that is not ours.
    usable = row.started or row.state == TrialState.WAITING
    return Abandoned(
        slot=row.slot,
        trial_id=row.trial_id if usable else None,
        attempt=row.attempt,
        given_back=row.expires_at == GIVEN_BACK,
        running=row.started and row.state == TrialState.RUNNING,
    )


def held_trial(connection: sa.Connection, mine: sa.ColumnElement[bool]) -> HeldTrial | None:
    """Read the lease that `mine` selects; a trial that was deleted since counts as none."""
    columns = (TRIALS.c.trial_id, LEASES.c.started, _ended().label("ended"))
    row = connection.execute(
        sa.select(*columns).select_from(_WITH_TRIALS).where(mine)
    ).one_or_none()
    return None if row is None else HeldTrial(row.trial_id, row.started, row.ended)


def taken_and_next(connection: sa.Connection, study_id: int) -> tuple[int, int]:
    """Count the places taken from the budget, and give the number of the next, from 0."""
    taken, last = sa.func.count(), sa.func.max(LEASES.c.slot)
    row = connection.execute(sa.select(taken, last).where(LEASES.c.study_id == study_id)).one()
    return row[0], 0 if row[1] is None else row[1] + 1


def oldest_enqueued(connection: sa.Connection, study_id: int) -> int | None:
    """Find the oldest enqueued trial that no lease has reserved."""
    leased = sa.exists().where(
        LEASES.c.study_id == study_id, LEASES.c.trial_id == TRIALS.c.trial_id
    )
    query = (
        sa.select(TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id, TRIALS.c.state == TrialState.WAITING, ~leased)
        .order_by(TRIALS.c.trial_id)
        .limit(1)
    )
    return connection.execute(query).scalar()


def still_running(connection: sa.Connection, study_id: int) -> tuple[int, float]:
    """Count the open leases, and give the time at which the first of them runs out."""
    query = sa.select(sa.func.count(), sa.func.min(LEASES.c.expires_at))
    row = connection.execute(query.where(_open(study_id), ~_ended())).one()
    return row[0], row[1] or 0.0


def run_enqueued(connection: sa.Connection, trial_id: int, now: float) -> bool:
    """Set an enqueued trial running; False when another program took it first."""
    waiting = TRIALS.update().where(
        TRIALS.c.trial_id == trial_id, TRIALS.c.state == TrialState.WAITING
    )
    started = waiting.values(state=TrialState.RUNNING, datetime_start=_utc(now))
    return connection.execute(started).rowcount == 1


def create_trial(connection: sa.Connection, study_id: int, now: float) -> int:
    """Add a running trial as Optuna does, numbered by the trials before it; give its id."""
    return _add_trial(connection, study_id, state=TrialState.RUNNING, datetime_start=_utc(now))


def enqueue_trial(
    connection: sa.Connection,
    study_id: int,
    params: Mapping[str, object],
    user_attrs: Mapping[str, object],
) -> int:
    """Add a waiting trial as Optuna's enqueue_trial does; give its id."""
    trial_id = _add_trial(connection, study_id, state=TrialState.WAITING)
    _set_attribute(connection, SYSTEM_ATTRIBUTES, trial_id, FIXED_PARAMS, params)
    for key, value in user_attrs.items():
        _set_attribute(connection, USER_ATTRIBUTES, trial_id, key, value)
    return trial_id


def fail_trial(connection: sa.Connection, trial_id: int, reason: str, now: float) -> None:
    """End a running trial as failed, with the reason where people look for it."""
    running = TRIALS.c.trial_id == trial_id, TRIALS.c.state == TrialState.RUNNING
    ended = TRIALS.update().where(*running)
    connection.execute(ended.values(state=TrialState.FAIL, datetime_complete=_utc(now)))
    same = USER_ATTRIBUTES.c.trial_id == trial_id, USER_ATTRIBUTES.c.key == ERROR
    connection.execute(USER_ATTRIBUTES.delete().where(*same))
    _set_attribute(connection, USER_ATTRIBUTES, trial_id, ERROR, reason)


def leased(connection: sa.Connection, study_id: int) -> set[int]:
    """Give the ids of all trials that a lease of the study is or was for."""
    query = sa.select(LEASES.c.trial_id).where(LEASES.c.study_id == study_id)
    return {trial_id for trial_id in connection.scalars(query) if trial_id is not None}


def list_rows(connection: sa.Connection, study_id: int, *, done: bool = True) -> list[LeaseRow]:
    """List all leases in the order they were taken; without `done` only the open ones."""
    now = read_clock(connection)
    query = (
        sa.select(LEASES, TRIALS.c.number, TRIALS.c.state)
        .select_from(_WITH_TRIALS)
        .where(LEASES.c.study_id == study_id if done else _open(study_id))
        .order_by(LEASES.c.slot)
    )
    return [
        LeaseRow(
            slot=row.slot,
            trial_id=row.trial_id,
            number=row.number,
            state=row.state,
            worker=row.worker,
            attempt=row.attempt,
            expires_in=row.expires_at - now,
            done=row.done,
        )
        for row in connection.execute(query)
    ]


def _add_trial(connection: sa.Connection, study_id: int, **values: object) -> int:
    before = sa.select(sa.func.count()).where(TRIALS.c.study_id == study_id)
    number = connection.execute(before).scalar_one()
    trial = TRIALS.insert().values(study_id=study_id, number=number, **values)
    return int(connection.execute(trial.returning(TRIALS.c.trial_id)).scalar_one())


def _set_attribute(
    connection: sa.Connection, table: sa.Table, trial_id: int, key: str, value: object
) -> None:
    row = {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
    connection.execute(table.insert().values(**row))


def _open(study_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(LEASES.c.study_id == study_id, sa.not_(LEASES.c.done))


@functools.cache  # putting it together is most of what its statements cost
def _ended() -> sa.ColumnElement[bool]:
    """Whether a lease's own trial has finished; one that it merely reserved does not count."""
    trial = TRIALS.alias()
    over = sa.exists().where(trial.c.trial_id == LEASES.c.trial_id, trial.c.state.in_(FINISHED))
    return sa.and_(LEASES.c.started, over)


def _utc(epoch_s: float) -> datetime:
    """Optuna keeps times without a zone, in UTC."""
    return datetime.fromtimestamp(epoch_s, UTC).replace(tzinfo=None)
