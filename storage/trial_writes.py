"""What is to be written to one trial, put together for one transaction.

A write of what stands there already replaces it, but for a parameter: the first one stands, as
with Optuna. So the whole may be written twice.
"""

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from sqlalchemy.dialects import postgresql, sqlite

from storage.tables import (
    PARAMS,
    REPORTS,
    STUDY_ATTRIBUTES,
    SYSTEM_ATTRIBUTES,
    USER_ATTRIBUTES,
    VALUES,
)

PLACES = {
    PARAMS: ("trial_id", "param_name"),
    REPORTS: ("trial_id", "step"),
    VALUES: ("trial_id", "objective"),
    USER_ATTRIBUTES: ("trial_id", "key"),
    SYSTEM_ATTRIBUTES: ("trial_id", "key"),
    STUDY_ATTRIBUTES: ("study_id", "key"),
}
"""The columns by which a table's rows are told apart."""

Row = dict[str, Any]


@dataclass
class TrialWrites:
    """Parameters by name, reports by step, attributes by key, each as the columns of its row."""

    params: dict[str, Row] = field(default_factory=dict)
    reports: dict[int, Row] = field(default_factory=dict)
    user: dict[str, Row] = field(default_factory=dict)
    system: dict[str, Row] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.params or self.reports or self.user or self.system)

    def set_param(self, name: str, internal: float, distribution: BaseDistribution) -> None:
        """Add a parameter by its internal value."""
        json_text = distribution_to_json(distribution)
        value = float(internal)  # or those of several would be of several types
        row = {"param_name": name, "param_value": value, "distribution_json": json_text}
        self.params.setdefault(name, row)

    def report(self, step: int, value: float) -> None:
        """Add an intermediate value; what is no finite number is stored by its name."""
        finite = math.isfinite(value)
        name = "FINITE" if finite else "NAN" if math.isnan(value) else _infinite(value)
        number = float(value) if finite else None
        stored = {"intermediate_value": number, "intermediate_value_type": name}
        self.reports[step] = {"step": step, **stored}

    def set_user_attr(self, key: str, value: object) -> None:
        """Add a user attribute."""
        self.user[key] = {"key": key, "value_json": json.dumps(value)}

    def set_system_attr(self, key: str, value: object) -> None:
        """Add a system attribute."""
        self.system[key] = {"key": key, "value_json": json.dumps(value)}

    def add(self, later: "TrialWrites") -> None:
        """Add what is written after this."""
        self.params |= {name: row for name, row in later.params.items() if name not in self.params}
        self.reports.update(later.reports)
        self.user.update(later.user)
        self.system.update(later.system)

    def write(self, connection: sa.Connection, trial_id: int) -> None:
        """Write all of it in the caller's transaction."""
        for table, rows in (
            (PARAMS, self.params),
            (REPORTS, self.reports),
            (USER_ATTRIBUTES, self.user),
            (SYSTEM_ATTRIBUTES, self.system),
        ):
            put(connection, table, [{"trial_id": trial_id, **row} for row in rows.values()])


def put(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows with the same columns, in place of those that stand at their PLACES."""
    if not rows:
        return
    columns = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        connection.execute(_put_rows(table), list(rows))
    else:
        arrays = {_array(name): [row[name] for row in rows] for name in columns}
        connection.execute(_put_arrays(table, columns), arrays)


@functools.cache
def _put_rows(table: sa.Table) -> sa.Insert:
    return _in_place(sqlite.insert(table).inline(), table)


@functools.cache
def _put_arrays(table: sa.Table, columns: tuple[str, ...]) -> sa.Insert:
    """Any number of rows by one statement of one text: it is put together and compiled once.

    One with the rows in it is compiled at each call; many at once would be a pipeline, which not
    every PgBouncer knows.
    """
    arrays = [
        sa.bindparam(_array(name), type_=postgresql.ARRAY(_plain(table.c[name].type)))
        for name in columns
    ]
    given = sa.func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    rows = sa.select(*(sa.cast(given.c[name], table.c[name].type) for name in columns))
    return _in_place(postgresql.insert(table).from_select(columns, rows), table)


def _array(name: str) -> str:
    return f"{name}_array"


def _plain(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """The type of an array's elements before they are cast: words for words and enumerations."""
    return sa.String() if isinstance(kind, sa.String) else kind


def _in_place(
    statement: sqlite.Insert | postgresql.Insert, table: sa.Table
) -> sqlite.Insert | postgresql.Insert:
    place = PLACES[table]
    if table is PARAMS:
        return statement.on_conflict_do_nothing(index_elements=place)
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key and column.name not in place
    }
    return statement.on_conflict_do_update(index_elements=place, set_=changed)


def _infinite(value: float) -> str:
    return "INF_POS" if value > 0 else "INF_NEG"
