"""Optuna's storage on our terms: calls are made again, writes stop at the fence, ids come first.

A call whose answer was lost may have been done. Reads and writes that give the same when they are
done twice are simply repeated; each of the others says below how it recognises its own work. Only
PostgreSQL can lose an answer: a SQLite transaction is over when its call returns.
"""

import functools
import itertools
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._base import DEFAULT_STUDY_NAME_PREFIX
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import orm
from typing_extensions import override

from storage.fence import Fences
from storage.patience import AT_ONCE, Patience
from storage.retry import Retry
from storage.trial_storage import TrialStorage
from storage.url import StorageURL

READS = (
    "get_study_id_from_name",
    "get_study_name_from_id",
    "get_study_directions",
    "get_study_user_attrs",
    "get_study_system_attrs",
    "get_trial_id_from_study_id_trial_number",
    "get_trial_param",
    "get_trial_user_attrs",
    "get_trial_system_attrs",
    "_get_best_trial_id",
    "_get_stale_trial_ids",
)
SAME_WHEN_DONE_TWICE = ("set_study_user_attr", "set_study_system_attr", "record_heartbeat")
_RESERVED = "hpo_reserved"  # in a session's info: the id of the row it adds next


class RepeatingStorage(TrialStorage):
    """Optuna's storage whose calls outlast an outage; failures are StorageErrors."""

    def __init__(
        self, url: StorageURL, *, retry: Retry, fences: Fences, patience: Patience
    ) -> None:
        super().__init__(url, retry=retry, fences=fences, patience=patience)
        sa.event.listen(self.scoped_session, "before_flush", _use_reserved)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (self._storage_url,)

    @override
    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        # A trial that has ended already just as we say was ended by our own first asking.
        asked = itertools.count()

        def tell() -> bool:
            again = next(asked) > 0
            try:
                with self._writing(trial_id):
                    return super(RepeatingStorage, self).set_trial_state_values(
                        trial_id, state, values
                    )
            except UpdateFinishedTrialError:
                if again and self._ended_so(trial_id, state, values):
                    return True
                raise

        told: bool = self._again(tell)
        self._collecting.pop(trial_id, None)
        return told

    @override
    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        # A study of that name is ours when it has the id that only we were given.
        name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid.uuid4()}" if study_name is None else study_name
        reserved = self._reserve("studies", "study_id")

        def create() -> int:
            try:
                with self._adding(reserved):
                    return super(RepeatingStorage, self).create_new_study(directions, name)
            except DuplicatedStudyError:
                if reserved is not None and self.get_study_id_from_name(name) == reserved:
                    return reserved
                raise

        return self._again(create)

    @override
    def delete_study(self, study_id: int) -> None:
        # What is gone when it is asked again, the first asking has deleted.
        asked = itertools.count()

        def delete() -> None:
            again = next(asked) > 0
            try:
                super(RepeatingStorage, self).delete_study(study_id)
            except KeyError:
                if not again:
                    raise

        self._again(delete)

    @override
    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        # A trial with the id that only we were given is ours.
        reserved = self._reserve("trials", "trial_id")

        def create() -> FrozenTrial:
            try:
                with self._adding(reserved):
                    return super(RepeatingStorage, self)._create_new_trial(study_id, template_trial)
            except sa.exc.IntegrityError:
                if reserved is None:
                    raise
                return self.get_trial(reserved)

        return self._again(create)

    def _ended_so(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> bool:
        trial = self.get_trial(trial_id)
        return trial.state == state and list(trial.values or ()) == list(values or ())

    def _reserve(self, table: str, column: str) -> int | None:
        """Take the next id of a table; None on SQLite, where no answer is ever lost."""
        if self.engine.name != "postgresql":
            return None
        sequence = sa.func.pg_get_serial_sequence(table, column)
        query = sa.select(sa.func.nextval(sequence))

        def take() -> int:
            with self.engine.begin() as connection:
                return int(connection.execute(query).scalar_one())

        return self._again(take)

    @contextmanager
    def _adding(self, reserved: int | None) -> Iterator[None]:
        info = self.scoped_session().info
        info[_RESERVED] = reserved
        try:
            yield
        finally:
            info.pop(_RESERVED, None)


def _opened_again(url: StorageURL) -> RepeatingStorage:
    """Open the storage in the process that it was sent to; neither fences nor patience go along."""
    return RepeatingStorage(url, retry=Retry(url, AT_ONCE), fences=Fences(), patience=AT_ONCE)


def _use_reserved(session: orm.Session, *_: object) -> None:
    """Give the row that is being added the id that was reserved for it."""
    reserved = session.info.get(_RESERVED)
    for row in session.new:
        if reserved is not None and isinstance(row, models.TrialModel):
            row.trial_id = reserved
        elif reserved is not None and isinstance(row, models.StudyModel):
            row.study_id = reserved


def _repeated(name: str) -> Callable[..., Any]:
    call = getattr(RDBStorage, name)

    @functools.wraps(call)
    def repeated(self: RepeatingStorage, *args: Any, **kwargs: Any) -> Any:
        return self._again(lambda: call(self, *args, **kwargs))

    return repeated


for _name in (*READS, *SAME_WHEN_DONE_TWICE):
    setattr(RepeatingStorage, _name, _repeated(_name))
