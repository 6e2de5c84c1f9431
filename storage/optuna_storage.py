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
from storage.patience import AT_ONCE
from storage.retry import Retry
from storage.tables import LEASES, STUDIES, TRIALS
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
_RESERVED = "hpo_reserved"  # in a session's info: the id of the study it adds next
_TRIED = "hpo_tried"  # in a session's info: the ids that the asking for a new trial was given


class _AlreadyThere(Exception):
    """The trial was created by an earlier asking whose answer was lost."""

    def __init__(self, trial_id: int) -> None:
        super().__init__(trial_id)
        self.trial_id = trial_id


class _Session(orm.Session):
    """A session that adds studies and trials under ids which were taken for them before."""


class RepeatingStorage(TrialStorage):
    """Optuna's storage whose calls outlast an outage; failures are StorageErrors."""

    session_kind = _Session

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (self._storage_url,)

    @override
    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if not state.is_finished():
            change = super().set_trial_state_values
            return self._again(lambda: change(trial_id, state, values))
        # A trial that has ended already just as we say was ended by our own first asking.
        asked = itertools.count()

        def tell() -> None:
            again = next(asked) > 0
            try:
                self._end(trial_id, state, values)
            except UpdateFinishedTrialError:
                if not (again and self._ended_so(trial_id, state, values)):
                    raise

        self._again(tell)
        self._collecting.pop(trial_id, None)
        return True

    @override
    def create_new_study(
        self, directions: Sequence[StudyDirection], study_name: str | None = None
    ) -> int:
        # A study of that name is ours when it has the id that only we were given.
        name = f"{DEFAULT_STUDY_NAME_PREFIX}{uuid.uuid4()}" if study_name is None else study_name
        reserved = self._reserve_study()

        def create() -> int:
            try:
                with self._adding(_RESERVED, reserved):
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
                self._keep_out(study_id)
                super(RepeatingStorage, self).delete_study(study_id)
            except KeyError:
                if not again:
                    raise

        self._again(delete)

    def _keep_out(self, study_id: int) -> None:
        """Begin the deletion's transaction, and let nobody write to the study until its end.

        Optuna reads what belongs to a study, deletes it, and takes a row that a worker has added
        meanwhile, which PostgreSQL lets it not leave behind, for a reason to delete nothing and say
        nothing. Locked is in the order in which workers lock: study, leases, trials.
        """
        session = self.scoped_session()
        try:
            if self.engine.name == "sqlite":
                session.connection().exec_driver_sql("BEGIN IMMEDIATE")
                return
            for table in (STUDIES, LEASES, TRIALS):
                rows = sa.select(table.c.study_id).where(table.c.study_id == study_id)
                session.execute(rows.with_for_update())
        except BaseException:
            session.rollback()
            raise

    @override
    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        # A trial with an id that only we were given is ours.
        tried: list[int] = []

        def create() -> FrozenTrial:
            try:
                with self._adding(_TRIED, tried):
                    return super(RepeatingStorage, self)._create_new_trial(study_id, template_trial)
            except _AlreadyThere as created:
                return self.get_trial(created.trial_id)

        return self._again(create)

    def _ended_so(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> bool:
        trial = self.get_trial(trial_id)
        return trial.state == state and list(trial.values or ()) == list(values or ())

    def _reserve_study(self) -> int | None:
        """Take a study's id; None on SQLite, where no answer is ever lost."""
        if self.engine.name != "postgresql":
            return None

        def take() -> int:
            with self.engine.begin() as connection:
                return _next_id(connection, "studies", "study_id")

        return self._again(take)

    @contextmanager
    def _adding(self, kind: str, what: object) -> Iterator[None]:
        info = self.scoped_session().info
        info[kind] = what
        try:
            yield
        finally:
            info.pop(kind, None)


def _opened_again(url: StorageURL) -> RepeatingStorage:
    """Open the storage in the process that it was sent to; neither fences nor patience go along."""
    return RepeatingStorage(url, retry=Retry(url, AT_ONCE), fences=Fences(), patience=AT_ONCE)


@sa.event.listens_for(_Session, "before_flush")
def _use_reserved(session: orm.Session, *_: object) -> None:
    """Give the study that is being added the id that was reserved for it."""
    reserved = session.info.get(_RESERVED)
    for row in session.new:
        if reserved is not None and isinstance(row, models.StudyModel):
            row.study_id = reserved


@sa.event.listens_for(_Session, "before_flush")
def _take_trial_id(session: orm.Session, *_: object) -> None:
    """Give the trial that is being added its id, and keep it in mind for an asking after this.

    Optuna holds the study's lock here, so ids are committed in their order: it numbers a trial by
    the ids below its own, and its cache never looks below the last finished one again.
    """
    tried: list[int] | None = session.info.get(_TRIED)
    for row in session.new:
        if tried is None or not isinstance(row, models.TrialModel):
            continue
        connection = session.connection()
        if connection.dialect.name != "postgresql":
            continue
        query = sa.select(TRIALS.c.trial_id).where(TRIALS.c.trial_id.in_(tried))
        created = connection.execute(query).scalar() if tried else None
        if created is not None:
            raise _AlreadyThere(created)
        tried.append(_next_id(connection, "trials", "trial_id"))
        row.trial_id = tried[-1]


def _next_id(connection: sa.Connection, table: str, column: str) -> int:
    sequence = sa.func.pg_get_serial_sequence(table, column)
    return int(connection.execute(sa.select(sa.func.nextval(sequence))).scalar_one())


def _repeated(name: str) -> Callable[..., Any]:
    call = getattr(RDBStorage, name)

    @functools.wraps(call)
    def repeated(self: RepeatingStorage, *args: Any, **kwargs: Any) -> Any:
        return self._again(lambda: call(self, *args, **kwargs))

    return repeated


for _name in (*READS, *SAME_WHEN_DONE_TWICE):
    setattr(RepeatingStorage, _name, _repeated(_name))
