"""Trials as their rows stand, many in two statements; Optuna's own reading takes seven and an ORM.

The first statement gives the trials, the second all that belongs to them: a trial that ends in
between is seen running with its last values, never ended without them.
"""

import functools
import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.trial import FrozenTrial
from sqlalchemy.dialects import postgresql

from storage.tables import (
    PARAMS,
    REPORTS,
    SYSTEM_ATTRIBUTES,
    TRIALS,
    USER_ATTRIBUTES,
    VALUES,
)

AT_ONCE = 5000  # trials whose rows are in memory beside the trials made of them
_PARAM, _VALUE, _REPORT, _USER, _SYSTEM = range(5)
_NUMBERS = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}  # stored without a value


@dataclass
class _Parts:
    """What belongs to one trial."""

    params: list[tuple[int, str, float, str]] = field(default_factory=list)
    values: dict[int, float] = field(default_factory=dict)
    reports: dict[int, float] = field(default_factory=dict)
    user: dict[str, Any] = field(default_factory=dict)
    system: dict[str, Any] = field(default_factory=dict)


def read_trials(
    connection: sa.Connection, *where: sa.ColumnElement[bool], without: Collection[str] = ()
) -> list[FrozenTrial]:
    """Read the trials of these conditions by id; `without` names system attributes to leave out."""
    columns = (TRIALS.c.trial_id, TRIALS.c.number, TRIALS.c.state)
    times = (TRIALS.c.datetime_start, TRIALS.c.datetime_complete)
    query = sa.select(*columns, *times).where(*where).order_by(TRIALS.c.trial_id)
    heads = connection.execute(query).all()
    trials: list[FrozenTrial] = []
    for first in range(0, len(heads), AT_ONCE):
        some = heads[first : first + AT_ONCE]
        parts = _read_parts(connection, [head[0] for head in some], without)
        trials += [_trial(head, parts[head[0]]) for head in some]
    return trials


def of_ids(ids: Iterable[int], dialect: str) -> sa.ColumnElement[bool]:
    """Select the trials of these ids, any number of them, by one parameter."""
    parameter: sa.BindParameter[Any] = sa.bindparam("ids", _id_parameter(ids, dialect), unique=True)
    return _among(TRIALS.c.trial_id, parameter, dialect)


def _read_parts(
    connection: sa.Connection, ids: Sequence[int], without: Collection[str]
) -> dict[int, _Parts]:
    parts = {trial_id: _Parts() for trial_id in ids}
    dialect = connection.dialect.name
    query = _parts(tuple(without), dialect)
    wanted = {"ids": _id_parameter(ids, dialect)}
    for kind, trial_id, place, name, number, text in connection.execute(query, wanted):
        part = parts[trial_id]
        if kind == _PARAM:
            part.params.append((place, name, number, text))
        elif kind == _REPORT:
            part.reports[place] = _NUMBERS.get(text, number)
        elif kind == _VALUE:
            part.values[place] = _NUMBERS.get(text, number)
        elif kind == _USER:
            part.user[name] = json.loads(text)
        else:
            part.system[name] = json.loads(text)
    return parts


@functools.cache
def _parts(without: tuple[str, ...], dialect: str) -> sa.CompoundSelect[Any]:
    """One statement for five tables; columns: kind, trial, place, name, number, text.

    Its parameter `ids` is as `_id_parameter` gives it. Put together once: that took a millisecond.
    """
    ids: sa.BindParameter[Any] = sa.bindparam("ids")

    def rows(table: sa.Table, kind: int, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
        query = sa.select(sa.literal_column(str(kind)), table.c.trial_id, *columns)
        return query.where(_among(table.c.trial_id, ids, dialect))

    no_place, no_name = sa.cast(sa.null(), sa.Integer), sa.cast(sa.null(), sa.String)
    no_number = sa.cast(sa.null(), sa.Double)
    system = rows(
        SYSTEM_ATTRIBUTES,
        _SYSTEM,
        no_place,
        SYSTEM_ATTRIBUTES.c.key,
        no_number,
        SYSTEM_ATTRIBUTES.c.value_json,
    )
    if without:
        system = system.where(SYSTEM_ATTRIBUTES.c.key.not_in(without))
    user, value, report, param = USER_ATTRIBUTES.c, VALUES.c, REPORTS.c, PARAMS.c
    return sa.union_all(
        rows(
            PARAMS,
            _PARAM,
            param.param_id,
            param.param_name,
            param.param_value,
            param.distribution_json,
        ),
        rows(VALUES, _VALUE, value.objective, no_name, value.value, _text(value.value_type)),
        rows(
            REPORTS,
            _REPORT,
            report.step,
            no_name,
            report.intermediate_value,
            _text(report.intermediate_value_type),
        ),
        rows(USER_ATTRIBUTES, _USER, no_place, user.key, no_number, user.value_json),
        system,
    )


def _text(column: sa.Column[Any]) -> sa.ColumnElement[str]:
    """An enumeration's word, which is a type of its own on PostgreSQL."""
    return sa.cast(column, sa.String)


def _among(
    column: sa.Column[int], ids: sa.BindParameter[Any], dialect: str
) -> sa.ColumnElement[bool]:
    """Select by ids that one parameter has, see `_id_parameter`."""
    if dialect == "postgresql":
        return column == sa.any_(sa.type_coerce(ids, postgresql.ARRAY(sa.Integer)))
    return column.in_(sa.select(sa.func.json_each(ids).table_valued("value").c.value))


def _id_parameter(ids: Iterable[int], dialect: str) -> object:
    """Give ids as the value of one parameter, however many they are."""
    return list(ids) if dialect == "postgresql" else json.dumps(list(ids))


def _trial(head: "sa.Row[Any, Any, Any, Any, Any]", parts: _Parts) -> FrozenTrial:
    trial_id, number, state, started, completed = head
    params, kinds = {}, {}
    for _, name, internal, text in sorted(parts.params):
        kinds[name] = distribution = _distribution(text)
        params[name] = distribution.to_external_repr(internal)
    values = [parts.values[objective] for objective in sorted(parts.values)]
    return FrozenTrial(
        number=number,
        state=state,
        value=None,
        values=values or None,
        datetime_start=_local(started),
        datetime_complete=_local(completed),
        params=params,
        distributions=kinds,
        user_attrs=parts.user,
        system_attrs=parts.system,
        intermediate_values=parts.reports,
        trial_id=trial_id,
    )


def _local(utc: datetime | None) -> datetime | None:
    """Give a time, kept in UTC, as this machine's clock shows it, without a zone."""
    return None if utc is None else utc.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


@functools.lru_cache(maxsize=1024)
def _distribution(text: str) -> BaseDistribution:
    """A study has a handful of them, and as many trials as one likes."""
    return json_to_distribution(text)
