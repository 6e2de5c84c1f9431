"""Whose turn it is to say something about a study to the outside, and what was said before.

One attribute of the study, changed under its lock by the database's clock: however many workers
there are, two messages are never closer together than EVERY_S, and what one of them has said no
other says again.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from storage import lease_rows
from storage.connect import Database
from storage.tables import STUDY_ATTRIBUTES
from storage.trial_writes import put

TURN = "hpo:notified"
EVERY_S = 60.0
"""From the end of one message to the beginning of the next."""
SENDING_S = 10.0
"""Longest time from a turn to its message's first byte: who is later drops it."""


@dataclass(frozen=True)
class Turn:
    """The right to send one message now."""

    token: str


@dataclass(frozen=True)
class NotYet:
    """Another message was sent or tried, or is on its way: look again in so many seconds."""

    seconds: float


class Turns:
    """The turns of one study."""

    def __init__(self, database: Database, study_id: int, *, every_s: float | None = None) -> None:
        self._database = database
        self._study_id = study_id
        self._every_s = EVERY_S if every_s is None else every_s

    def take(self, seen: Mapping[str, Any] | None) -> Turn | NotYet:
        """Take the turn where it is time, and where what was said is still `seen`.

        Raises Missing where the study is gone.
        """
        token = secrets.token_hex(8)  # an asking repeated after a lost answer knows its own

        def decide(connection: sa.Connection) -> Turn | NotYet:
            now, row = self._locked(connection)
            if row.get("open") == token:
                return Turn(token)
            if row.get("told") != seen:
                return NotYet(0.0)
            busy_s = SENDING_S if row.get("open") else 0.0
            left = float(row.get("at", 0.0)) + self._every_s + busy_s - now
            if left > 0:
                return NotYet(left)
            self._write(connection, {**row, "at": now, "open": token})
            return Turn(token)

        return self._database.transaction(decide)

    def end(self, turn: Turn, told: Mapping[str, Any] | None) -> None:
        """Give the turn back with what has been said by now; None where nothing could be sent."""

        def close(connection: sa.Connection) -> None:
            now, row = self._locked(connection)
            if row.get("open") == turn.token:
                said = row.get("told") if told is None else dict(told)
                self._write(connection, {"at": now, "open": None, "told": said})

        self._database.transaction(close)

    def told(self) -> dict[str, Any] | None:
        """What has been said by now; None before the first message."""
        found: dict[str, Any] | None = self._database.query(self._read).get("told")
        return found

    def _locked(self, connection: sa.Connection) -> tuple[float, dict[str, Any]]:
        self._database.lock_study(connection, self._study_id)
        return lease_rows.read_clock(connection), self._read(connection)

    def _read(self, connection: sa.Connection) -> dict[str, Any]:
        attribute = STUDY_ATTRIBUTES.c
        query = sa.select(attribute.value_json)
        query = query.where(attribute.study_id == self._study_id, attribute.key == TURN)
        found = connection.execute(query).scalar()
        row = None if found is None else json.loads(found)
        return row if isinstance(row, dict) else {}

    def _write(self, connection: sa.Connection, row: dict[str, Any]) -> None:
        values = {"study_id": self._study_id, "key": TURN, "value_json": json.dumps(row)}
        put(connection, STUDY_ATTRIBUTES, [values])
