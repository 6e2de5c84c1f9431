"""Parameter sets put into a study's queue, each once, whoever asks and however often."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from storage import lease_rows
from storage.connect import Database
from storage.lease_rows import FIXED_PARAMS
from storage.tables import SYSTEM_ATTRIBUTES, TRIALS


@dataclass(frozen=True)
class ToQueue:
    """A trial to be: its parameters, and the user attributes that it begins with."""

    params: Mapping[str, object]
    user_attrs: Mapping[str, object]


def queue_missing(database: Database, study_id: int, wanted: Sequence[ToQueue]) -> int:
    """Queue what no trial of the study was queued with yet; how many trials the study has then.

    The look and the new trials are one transaction under the study's lock, so that two who ask at
    once queue each set once, and asking again after a lost answer adds nothing.
    """

    def queue(connection: sa.Connection) -> int:
        database.lock_study(connection, study_id)
        known = _queued(connection, study_id)
        for one in wanted:
            key = _key(one.params)
            if key not in known:
                lease_rows.enqueue_trial(connection, study_id, one.params, one.user_attrs)
                known.add(key)
        count = sa.select(sa.func.count()).where(TRIALS.c.study_id == study_id)
        return int(connection.execute(count).scalar_one())

    return database.transaction(queue)


def _queued(connection: sa.Connection, study_id: int) -> set[str]:
    query = (
        sa.select(SYSTEM_ATTRIBUTES.c.value_json)
        .join(TRIALS, TRIALS.c.trial_id == SYSTEM_ATTRIBUTES.c.trial_id)
        .where(TRIALS.c.study_id == study_id, SYSTEM_ATTRIBUTES.c.key == FIXED_PARAMS)
    )
    return {_key(json.loads(text)) for text in connection.execute(query).scalars()}


def _key(params: object) -> str:
    return json.dumps(params, sort_keys=True)
