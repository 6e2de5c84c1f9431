"""Studies as their rows stand. Every trial's note is among a study's attributes: 30,000 of them."""

import json
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy

from storage.tables import DIRECTIONS, STUDIES, STUDY_ATTRIBUTES, STUDY_USER_ATTRIBUTES


def read_studies(connection: sa.Connection, *, without: str | None = None) -> list[FrozenStudy]:
    """Read all studies of the database by id.

    Their system attributes whose keys are LIKE `without`, with backslash to escape, are left out.
    """
    names = sa.select(STUDIES.c.study_id, STUDIES.c.study_name).order_by(STUDIES.c.study_id)
    which = sa.select(DIRECTIONS.c.study_id, DIRECTIONS.c.direction)
    directions: dict[int, list[StudyDirection]] = defaultdict(list)
    for study_id, direction in connection.execute(which.order_by(DIRECTIONS.c.objective)):
        directions[study_id].append(direction)
    user = _attributes(connection, STUDY_USER_ATTRIBUTES)
    kept = None
    if without is not None:
        kept = STUDY_ATTRIBUTES.c.key.not_like(without, escape="\\")
    system = _attributes(connection, STUDY_ATTRIBUTES, kept)
    return [
        FrozenStudy(
            study_name=name,
            direction=None,
            directions=directions[study_id],
            user_attrs=user[study_id],
            system_attrs=system[study_id],
            study_id=study_id,
        )
        for study_id, name in connection.execute(names)
    ]


def _attributes(
    connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool] | None = None
) -> dict[int, dict[str, Any]]:
    query = sa.select(table.c.study_id, table.c.key, table.c.value_json)
    if where is not None:
        query = query.where(where)
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for study_id, key, text in connection.execute(query):
        found[study_id][key] = json.loads(text)
    return found
