"""The end of a trial as its rows get it: state, time and values."""

from collections.abc import Sequence
from datetime import UTC, datetime

import sqlalchemy as sa
from optuna.storages._rdb.models import TrialValueModel
from optuna.trial import TrialState

from storage.lease_rows import FINISHED
from storage.tables import TRIALS, VALUES
from storage.trial_writes import put


def end_trial(
    connection: sa.Connection, trial_id: int, state: TrialState, values: Sequence[float] | None
) -> bool:
    """End a trial in the caller's transaction; False where there is none that has not ended."""
    row = TRIALS.update().where(TRIALS.c.trial_id == trial_id, TRIALS.c.state.not_in(FINISHED))
    ended = row.values(state=state, datetime_complete=_now(connection.dialect.name))
    if connection.execute(ended).rowcount == 0:
        return False
    put(connection, VALUES, [_stored(trial_id, place, v) for place, v in enumerate(values or ())])
    return True


def _stored(trial_id: int, objective: int, value: float) -> dict[str, object]:
    number, kind = TrialValueModel.value_to_stored_repr(float(value))
    return {"trial_id": trial_id, "objective": objective, "value": number, "value_type": kind.name}


def _now(dialect: str) -> sa.ColumnElement[datetime] | datetime:
    """The database's clock in UTC, without a zone, as Optuna keeps times."""
    if dialect == "sqlite":  # which has this machine's clock
        return datetime.now(UTC).replace(tzinfo=None)
    return sa.func.timezone("UTC", sa.func.clock_timestamp(), type_=sa.DateTime)
