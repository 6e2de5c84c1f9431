"""Which processes work on a study and what they do, for people to see; nothing is decided by it."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from storage.connect import Database
from storage.lease import LEASE_S
from storage.tables import WORKERS, clock

LOST_AFTER_S = 3 * LEASE_S

WorkerState = Literal["working", "left", "lost"]


@dataclass(frozen=True)
class WorkerRow:
    """A worker as status shows it; ages in seconds by the database's clock."""

    worker: str
    host: str
    pid: int
    device: str
    doing: str
    state: WorkerState
    started_s_ago: float
    beat_s_ago: float


class Workers:
    """The workers of one study."""

    def __init__(self, database: Database, study_id: int) -> None:
        self._database = database
        self._study_id = study_id

    def register(self, worker: str, *, host: str, pid: int, device: str) -> None:
        """Enter a worker, or enter it again under the same name. Raises Missing."""
        now = clock(self._database.engine.name)
        row = WORKERS.insert().values(
            study_id=self._study_id,
            worker=worker,
            host=host,
            pid=pid,
            device=device,
            doing="starting",
            started_at=now,
            beat_at=now,
            left=False,
        )

        def enter(connection: sa.Connection) -> None:
            # SQLite would keep a row of no study, and give it to the next study of that number.
            self._database.lock_study(connection, self._study_id)
            connection.execute(WORKERS.delete().where(self._is(worker)))
            connection.execute(row)

        self._database.transaction(enter)

    def beat(self, worker: str, doing: str) -> None:
        """Say that the worker lives and what it does."""
        now = clock(self._database.engine.name)
        self._change(worker, doing=doing, beat_at=now, left=False)

    def leave(self, worker: str) -> None:
        """Say that the worker ended in good order."""
        self._change(worker, doing="", left=True)

    def rows(self) -> list[WorkerRow]:
        """List the workers in the order they started."""
        now = clock(self._database.engine.name).label("now")
        query = (
            sa.select(WORKERS, now)
            .where(WORKERS.c.study_id == self._study_id)
            .order_by(WORKERS.c.started_at, WORKERS.c.worker)
        )
        return self._database.query(
            lambda connection: [_row(row) for row in connection.execute(query)]
        )

    def _change(self, worker: str, **values: object) -> None:
        row = WORKERS.update().where(self._is(worker)).values(**values)
        self._database.transaction(
            lambda connection: connection.execute(row).rowcount, one_statement=True
        )

    def _is(self, worker: str) -> sa.ColumnElement[bool]:
        return sa.and_(WORKERS.c.study_id == self._study_id, WORKERS.c.worker == worker)


def _row(row: "sa.Row[tuple[object, ...]]") -> WorkerRow:
    age = row.now - row.beat_at
    state: WorkerState = "left" if row.left else "lost" if age > LOST_AFTER_S else "working"
    return WorkerRow(
        worker=row.worker,
        host=row.host,
        pid=row.pid,
        device=row.device,
        doing=row.doing,
        state=state,
        started_s_ago=row.now - row.started_at,
        beat_s_ago=age,
    )
