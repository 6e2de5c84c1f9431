"""Optuna's storage of trials: read in two statements, written in one transaction.

Each call is made again while the database is away, and each write to a trial stops at the fence.
"""

import functools
import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    json_to_distribution,
)
from optuna.storages import RDBStorage
from optuna.storages._rdb.storage import _VersionManager
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import orm
from typing_extensions import override

from storage.engines import engine_arguments, watch_pool
from storage.errors import Missing
from storage.fence import Fences
from storage.patience import Patience
from storage.retry import Retry
from storage.study_rows import read_studies
from storage.tables import PARAMS, STUDY_ATTRIBUTES, TRIALS
from storage.trial_end import end_trial
from storage.trial_rows import of_ids, read_trials
from storage.trial_writes import TrialWrites, put
from storage.url import StorageURL

# Read of one trial at a time only, and most of what a trial has.
ONE_AT_A_TIME = ("hpo:curve",)

T = TypeVar("T")


class TrialStorage(RDBStorage):
    """Optuna's storage, with the reads and writes of trials that a worker waits for."""

    session_kind: type[orm.Session] = orm.Session

    def __init__(
        self,
        url: StorageURL,
        *,
        retry: Retry,
        fences: Fences,
        patience: Patience,
        engine: sa.Engine | None = None,
    ) -> None:
        """With an engine of storage.engines it works on that one's connections."""
        # Not RDBStorage's own beginning, which asks alembic for a version that storage.schema has
        # looked at: importing it took a worker half a second of its start (measured).
        self._storage_url = url
        self._again = retry
        self._fences = fences
        self.url = url.sqlalchemy
        self.engine_kwargs = engine_arguments(url, patience.give_up)
        self.skip_compatibility_check = True
        self.heartbeat_interval = self.grace_period = None
        self.heartbeat_stale_trial_callback = self.failed_trial_callback = None
        if engine is None:
            engine = sa.create_engine(self.url, **self.engine_kwargs)
            watch_pool(engine)
        self.engine = engine
        self.scoped_session = orm.scoped_session(orm.sessionmaker(engine, class_=self.session_kind))
        self._collecting: dict[int, TrialWrites] = {}

    @functools.cached_property
    def _version_manager(self) -> _VersionManager:  # type: ignore[override]  # made when asked for
        return _VersionManager(self.url, self.engine, self.scoped_session)

    @contextmanager
    def together(self, trial_id: int) -> Iterator[None]:
        """See TrialCache, which is what callers have."""
        collected = self._collecting[trial_id] = TrialWrites()
        try:
            yield
            # Not where the trial was ended meanwhile, in one transaction with all of it.
            if trial_id in self._collecting and not collected.is_empty:
                del self._collecting[trial_id]
                self._write(trial_id, collected)
        finally:
            self._collecting.pop(trial_id, None)

    @override
    def _set_trial_param(
        self,
        trial_id: int,
        param_name: str,
        param_value_internal: float,
        distribution: BaseDistribution,
        previous_distribution: BaseDistribution | None,
    ) -> None:
        before = previous_distribution or self._distribution(trial_id, param_name)
        if before is not None:
            try:
                check_distribution_compatibility(before, distribution)
            except ValueError:
                # That the trial has ended comes first.
                self.check_trial_is_updatable(trial_id, self.get_trial(trial_id).state)
                raise
        writes = TrialWrites()
        writes.set_param(param_name, param_value_internal, distribution)
        self._write(trial_id, writes)

    @override
    def set_trial_intermediate_value(
        self, trial_id: int, step: int, intermediate_value: float
    ) -> None:
        writes = TrialWrites()
        writes.report(step, intermediate_value)
        self._write(trial_id, writes)

    @override
    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        writes = TrialWrites()
        writes.set_user_attr(key, value)
        self._write(trial_id, writes)

    @override
    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        writes = TrialWrites()
        writes.set_system_attr(key, value)
        self._write(trial_id, writes)

    def read_study_attrs(self, study_id: int, keys: Sequence[str]) -> dict[str, Any]:
        """See TrialCache."""
        return self._study_attrs(study_id, STUDY_ATTRIBUTES.c.key.in_(keys))

    def find_study_attrs(self, study_id: int, beginning: str) -> dict[str, Any]:
        """See TrialCache."""
        begins = STUDY_ATTRIBUTES.c.key.startswith(beginning, autoescape=True)
        return self._study_attrs(study_id, begins)

    def _study_attrs(self, study_id: int, which: sa.ColumnElement[bool]) -> dict[str, Any]:
        attribute = STUDY_ATTRIBUTES.c
        query = sa.select(attribute.key, attribute.value_json)
        query = query.where(attribute.study_id == study_id, which)
        rows = self._read(lambda connection: connection.execute(query).all())
        return {key: json.loads(text) for key, text in rows}

    def write_study_attrs(self, study_id: int, values: Mapping[str, object]) -> None:
        """See TrialCache."""
        rows = [
            {"study_id": study_id, "key": key, "value_json": json.dumps(value)}
            for key, value in values.items()
        ]

        def write() -> None:
            with self.engine.begin() as connection:
                put(connection, STUDY_ATTRIBUTES, rows)

        self._again(write)

    @override
    def get_all_studies(self) -> list[FrozenStudy]:
        return self._read(read_studies)

    def find_studies(self, *, without: str) -> list[FrozenStudy]:
        """See TrialCache."""
        return self._read(lambda connection: read_studies(connection, without=without))

    @override
    def get_trial(self, trial_id: int) -> FrozenTrial:
        found = self._read(
            lambda connection: read_trials(connection, TRIALS.c.trial_id == trial_id)
        )
        if not found:
            raise Missing(f"there is no trial with trial_id {trial_id} in {self._storage_url}")
        return found[0]

    @override
    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        new = TRIALS.c.trial_id > trial_id_greater_than
        again = [i for i in included_trial_ids if i <= trial_id_greater_than]
        which = sa.or_(new, of_ids(again, self.engine.name)) if again else new
        where = [TRIALS.c.study_id == study_id, which]
        if states is not None:
            where.append(TRIALS.c.state.in_([state for state in TrialState if state in states]))
        found = self._read(lambda c: read_trials(c, *where, without=ONE_AT_A_TIME))
        if not found:
            try:
                self.get_study_name_from_id(study_id)
            except KeyError as error:
                raise Missing(f"the study is not in {self._storage_url}, or no longer") from error
        return found

    def _end(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> None:
        """End a trial, with what was collected for it, and close its lease: one transaction."""
        with self._writing() as connection:
            self._fences.close(connection, trial_id)
            if not end_trial(connection, trial_id, state, values):
                self._check_running(connection, trial_id)
            collected = self._collecting.get(trial_id)
            if collected is not None:
                collected.write(connection, trial_id)

    def _write(self, trial_id: int, writes: TrialWrites) -> None:
        """Write to a running trial now, or at the end of `together`."""
        collecting = self._collecting.get(trial_id)
        if collecting is not None:
            collecting.add(writes)
            return

        def write() -> None:
            with self._writing() as connection:
                self._check_running(connection, trial_id)
                writes.write(connection, trial_id)

        self._again(write)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Or the write lock would be taken only after what was looked at first.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    def _check_running(self, connection: sa.Connection, trial_id: int) -> None:
        found = self._fences.state(connection, trial_id)
        if found is None:
            raise Missing(f"there is no trial with trial_id {trial_id} in {self._storage_url}")
        self.check_trial_is_updatable(trial_id, found)

    def _read(self, step: Callable[[sa.Connection], T]) -> T:
        """Read without a transaction: each statement is one, and a round trip less at both ends."""

        def read() -> T:
            with self.engine.connect() as connection:
                return step(connection.execution_options(isolation_level="AUTOCOMMIT"))

        return self._again(read)

    def _distribution(self, trial_id: int, name: str) -> BaseDistribution | None:
        """The distribution that a parameter has in the trial's study by now."""
        other = TRIALS.alias()
        query = (
            sa.select(PARAMS.c.distribution_json)
            .join(TRIALS, TRIALS.c.trial_id == PARAMS.c.trial_id)
            .join(other, other.c.study_id == TRIALS.c.study_id)
            .where(other.c.trial_id == trial_id, PARAMS.c.param_name == name)
            .limit(1)
        )
        found = self._read(lambda connection: connection.execute(query).scalar())
        return None if found is None else json_to_distribution(found)
