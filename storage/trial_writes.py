"""What is to be written to one trial, put together for one transaction.

A write of what stands there already replaces it, but for a parameter: the first one stands, as
with Optuna. So the whole may be written twice.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, distribution_to_json
from sqlalchemy.dialects import postgresql, sqlite

from storage.tables import PARAMS, REPORTS, SYSTEM_ATTRIBUTES, USER_ATTRIBUTES


@dataclass
class TrialWrites:
    """Parameters by name, reports by step, attributes by key, each as the columns of its row."""

    params: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    user: dict[str, dict[str, Any]] = field(default_factory=dict)
    system: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be written."""
        return not (self.params or self.reports or self.user or self.system)

    def set_param(self, name: str, internal: float, distribution: BaseDistribution) -> None:
        """Add a parameter by its internal value."""
        json_text = distribution_to_json(distribution)
        row = {"param_name": name, "param_value": internal, "distribution_json": json_text}
        self.params.setdefault(name, row)

    def report(self, step: int, value: float) -> None:
        """Add an intermediate value; what is no finite number is stored by its name."""
        finite = math.isfinite(value)
        name = "FINITE" if finite else "NAN" if math.isnan(value) else _infinite(value)
        stored = {"intermediate_value": value if finite else None, "intermediate_value_type": name}
        self.reports[step] = {"step": step, **stored}

    def set_user_attr(self, key: str, value: object) -> None:
        """Add a user attribute."""
        self.user[key] = {"key": key, "value_json": json.dumps(value)}

    def set_system_attr(self, key: str, value: object) -> None:
        """Add a system attribute."""
        self.system[key] = {"key": key, "value_json": json.dumps(value)}

    def add(self, later: "TrialWrites") -> None:
        """Add what is written after this."""
        self.params = {**later.params, **self.params}
        self.reports.update(later.reports)
        self.user.update(later.user)
        self.system.update(later.system)

    def write(self, connection: sa.Connection, trial_id: int) -> None:
        """Write all of it in the caller's transaction, a statement for each table."""
        for table, place, rows in (
            (PARAMS, "param_name", self.params),
            (REPORTS, "step", self.reports),
            (USER_ATTRIBUTES, "key", self.user),
            (SYSTEM_ATTRIBUTES, "key", self.system),
        ):
            if rows:
                whole = [{"trial_id": trial_id, **row} for row in rows.values()]
                connection.execute(upsert(connection, table, ("trial_id", place), whole))


def _infinite(value: float) -> str:
    return "INF_POS" if value > 0 else "INF_NEG"


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    place: tuple[str, str],
    rows: Sequence[Mapping[str, Any]],
) -> sa.Insert:
    """Give the insert of all rows that replaces those that have the same columns `place`."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(list(rows))
    if table is PARAMS:
        return statement.on_conflict_do_nothing(index_elements=place)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in place}
    return statement.on_conflict_do_update(index_elements=place, set_=changed)
