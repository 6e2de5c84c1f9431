"""How many trials a study may take: its budget, what extended it, and what closed it early.

Kept as two attributes of the study, each written whole under the study's lock, so that a claim
reads in its own transaction what is in force. Times are the database's.
"""

import itertools
import json
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

import sqlalchemy as sa

from storage import lease_rows
from storage.connect import Database
from storage.errors import NoDatabase
from storage.retries import count_retries
from storage.tables import STUDY_ATTRIBUTES, TRIALS

EXTENSIONS = "hpo:extensions"
CLOSED = "hpo:closed"


@dataclass(frozen=True)
class Extension:
    """One change of n_trials; `at` in epoch seconds."""

    at: float
    before: int
    after: int


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

    def extend(self, n_trials: int) -> Extension | None:
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
            made = Extension(now, before, n_trials)
            _write(
                connection, self._study_id, EXTENSIONS, [asdict(one) for one in (*history, made)]
            )
            return made

        return self._database.transaction(raise_it)

    def close(self, reason: str, *, finished: int) -> Closed:
        """Close the study; where it is closed already, the first reason stands."""

        def decide(connection: sa.Connection) -> Closed:
            now = _locked(self._database, connection, self._study_id)
            found = closed(connection, self._study_id, pinned=self._pinned)
            if found is not None:
                return found
            n_trials = _present(connection, self._study_id, pinned=self._pinned)
            made = Closed(reason, now, n_trials, finished)
            _write(connection, self._study_id, CLOSED, asdict(made))
            return made

        return self._database.transaction(decide)

    def last_closed(self) -> Closed | None:
        """Give what closed the study last, also when it was extended since."""
        return self._database.query(lambda connection: _closed(connection, self._study_id))


def places(connection: sa.Connection, study_id: int, budget: Budget, *, now: float) -> int:
    """Count the trials that the study may take in all, none where it is closed.

    To be called under the study's lock. Closes the study when its time is over.
    """
    if closed(connection, study_id, pinned=budget.n_trials) is not None:
        return 0
    limit = budget.timeout_s
    present = _present(connection, study_id, pinned=budget.n_trials)
    if limit is not None and _running_s(connection, study_id, now=now) > limit:
        over = Closed(f"the study's timeout of {limit:g} s is over", now, present)
        _write(connection, study_id, CLOSED, asdict(over))
        return 0
    if budget.most is None:
        return present
    # A retry tries a combination again, so it leaves as many for the others.
    return min(present, budget.most + count_retries(connection, study_id))


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
    if not lease_rows.lock_study(connection, study_id):
        raise NoDatabase(f"study {study_id} is no longer in {database.url}")
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
