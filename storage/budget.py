"""How many trials a study may take: its budget, what extended it, and what closed it early.

Kept as two attributes of the study, each written whole under the study's lock, so that a claim
reads in its own transaction what is in force. Times are the database's.
"""

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from storage import lease_rows
from storage.connect import Database
from storage.retries import count_retries
from storage.tables import STUDY_ATTRIBUTES, TRIALS

EXTENSIONS = "hpo:extensions"
CLOSED = "hpo:closed"


@dataclass(frozen=True)
class Extension:
    """One change of n_trials; `at` in epoch seconds, `versions` those of who made it."""

    at: float
    before: int
    after: int
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Closed:
    """Why a study of `n_trials` takes no new trial any more; `at` in epoch seconds.

    `finished` trials had ended when it was decided, where the decision came of that.
    """

    reason: str
    at: float
    n_trials: int
    finished: int = 0


@dataclass(frozen=True)
class Budget:
    """What a study may take: the pinned n_trials, and limits that no extension moves.

    `most` is the size of a finite search space, `timeout_s` counts from the start of the study's
    first trial; None is no limit.
    """

    n_trials: int
    most: int | None = None
    timeout_s: float | None = None


class StudyBudget:
    """Reads and changes the budget of one study, whose pinned n_trials is `pinned`."""

    def __init__(self, database: Database, study_id: int, *, pinned: int) -> None:
        self._database = database
        self._study_id = study_id
        self._pinned = pinned

    def extensions(self) -> list[Extension]:
        """List what extended the budget, in order."""
        return self._database.query(lambda connection: _extensions(connection, self._study_id))

    def closed(self) -> Closed | None:
        """Give what closed the study; None while it takes trials as far as its budget goes."""
        return self._database.query(
            lambda connection: closed(connection, self._study_id, pinned=self._pinned)
        )

    def time_over(self, limit_s: float | None) -> str | None:
        """Say that the study's time is over, whether a worker has noticed or not; else None."""
        return self._database.query(
            lambda connection: time_over(
                connection, self._study_id, limit_s, now=lease_rows.read_clock(connection)
            )
        )

    def extend(
        self, n_trials: int, *, versions: Mapping[str, str] | None = None
    ) -> Extension | None:
        """Raise n_trials, which opens a closed study again; None where it is as high already."""
        asked = itertools.count()

        def raise_it(connection: sa.Connection) -> Extension | None:
            again = next(asked) > 0
            now = _locked(self._database, connection, self._study_id)
            history = _extensions(connection, self._study_id)
            before = history[-1].after if history else self._pinned
            if n_trials <= before:
                # Asked again after a lost answer: the first asking may have done it.
                return history[-1] if again and history and before == n_trials else None
            made = Extension(now, before, n_trials, dict(versions or {}))
            _write(
                connection, self._study_id, EXTENSIONS, [asdict(one) for one in (*history, made)]
            )
            return made

        return self._database.transaction(raise_it)

    def close(self, reason: str, *, finished: int, after: Closed | None) -> Closed | None:
        """Close the study where it was last closed by `after` still; what is in force now.

        Where it is closed already, the first reason stands. Where it was closed and opened again
        since, the reason tells of a time before that, and the study stays open: None.
        """

        def decide(connection: sa.Connection) -> Closed | None:
            now = _locked(self._database, connection, self._study_id)
            found = closed(connection, self._study_id, pinned=self._pinned)
            if found is not None or _closed(connection, self._study_id) != after:
                return found
            n_trials = _present(connection, self._study_id, pinned=self._pinned)
            made = Closed(reason, now, n_trials, finished)
            _write(connection, self._study_id, CLOSED, asdict(made))
            return made

        return self._database.transaction(decide)

    def last_closed(self) -> Closed | None:
        """Give what closed the study last, also when it was extended since."""
        return self._database.query(lambda connection: _closed(connection, self._study_id))


def has_place(
    connection: sa.Connection, study_id: int, budget: Budget, *, taken: int, now: float
) -> bool:
    """Tell whether the study may take another trial than those `taken`; none where it is closed.

    To be called under the study's lock. Closes the study when its time is over before its budget.
    """
    if closed(connection, study_id, pinned=budget.n_trials) is not None:
        return False
    present = _present(connection, study_id, pinned=budget.n_trials)
    allowed = present
    if budget.most is not None:
        # A retry tries a combination again, so it leaves as many for the others.
        allowed = min(present, budget.most + count_retries(connection, study_id))
    if taken >= allowed:
        return False
    over = time_over(connection, study_id, budget.timeout_s, now=now)
    if over is not None:
        _write(connection, study_id, CLOSED, asdict(Closed(over, now, present)))
    return over is None


def time_over(
    connection: sa.Connection, study_id: int, limit_s: float | None, *, now: float
) -> str | None:
    """Say that more seconds than `limit_s` are over since the study's first trial; else None."""
    if limit_s is None or _running_s(connection, study_id, now=now) <= limit_s:
        return None
    return f"the study's timeout of {limit_s:g} s is over"


def closed(connection: sa.Connection, study_id: int, *, pinned: int) -> Closed | None:
    """Give what closed the study, unless it was extended since."""
    found = _closed(connection, study_id)
    if found is None or found.n_trials < _present(connection, study_id, pinned=pinned):
        return None
    return found


def _closed(connection: sa.Connection, study_id: int) -> Closed | None:
    found = _read(connection, study_id, CLOSED)
    return None if found is None else Closed(**found)


def _present(connection: sa.Connection, study_id: int, *, pinned: int) -> int:
    history = _extensions(connection, study_id)
    return max(history[-1].after, pinned) if history else pinned


def _extensions(connection: sa.Connection, study_id: int) -> list[Extension]:
    return [Extension(**one) for one in _read(connection, study_id, EXTENSIONS) or ()]


def _running_s(connection: sa.Connection, study_id: int, *, now: float) -> float:
    """Give the seconds since the study's first trial began; 0 before it."""
    first = sa.select(sa.func.min(TRIALS.c.datetime_start)).where(TRIALS.c.study_id == study_id)
    began = connection.execute(first).scalar()
    return 0.0 if began is None else now - began.replace(tzinfo=UTC).timestamp()


def _locked(database: Database, connection: sa.Connection, study_id: int) -> float:
    database.lock_study(connection, study_id)
    return lease_rows.read_clock(connection)


def _read(connection: sa.Connection, study_id: int, key: str) -> Any:
    query = sa.select(STUDY_ATTRIBUTES.c.value_json).where(*_same(study_id, key))
    found = connection.execute(query).scalar()
    return None if found is None else json.loads(found)


def _write(connection: sa.Connection, study_id: int, key: str, value: object) -> None:
    connection.execute(STUDY_ATTRIBUTES.delete().where(*_same(study_id, key)))
    row = {"study_id": study_id, "key": key, "value_json": json.dumps(value)}
    connection.execute(STUDY_ATTRIBUTES.insert().values(**row))


def _same(study_id: int, key: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return STUDY_ATTRIBUTES.c.study_id == study_id, STUDY_ATTRIBUTES.c.key == key
