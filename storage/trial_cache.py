"""Optuna's cache of trials, with less to do: finished trials are kept, the others read each time.

What is kept of a trial leaves out its curve, which is most of it and is wanted of one trial at a
time: `get_trial` reads a trial whole. With 10,000 trials that is 60 MB less in
each worker, and with 200 running ones a read is a tenth of what it was.
"""

import copy
import threading
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import sqlalchemy as sa
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from typing_extensions import override

from storage.errors import WentBack
from storage.going_back import last_ended, went_back
from storage.optuna_storage import RepeatingStorage


class TrialCache(_CachedStorage):
    """A study database as Optuna wants it, with the trials that this process has seen."""

    def __init__(self, backend: RepeatingStorage) -> None:
        super().__init__(backend)
        self._repeating = backend
        self._ordered: dict[int, list[FrozenTrial]] = {}
        self._last_ended: dict[int, FrozenTrial] = {}
        self._times_back = 0
        self._look = threading.local()

    @override
    def __getstate__(self) -> dict[Any, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_look"}

    @override
    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(state)
        self._look = threading.local()

    @property
    def engine(self) -> sa.Engine:
        """The engine it works on; on PostgreSQL it is the database's own."""
        return self._repeating.engine

    def close(self) -> None:
        """Close every connection."""
        self._repeating.remove_session()
        self.engine.dispose()

    def together(self, trial_id: int) -> AbstractContextManager[None]:
        """Write what is written to the trial in the context at its end, in one transaction.

        Ending the trial ends the context's collecting too, in the same transaction. An error
        drops what was collected. Reads in the context do not show it.
        """
        return self._repeating.together(trial_id)

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Read each study's trials once in the context, in this thread; later reads give the same.

        For what asks several times in one decision, as samplers do.
        """
        self._look.seen = set()
        try:
            yield
        finally:
            self._look.seen = None

    def read_study_attrs(self, study_id: int, keys: Sequence[str]) -> dict[str, Any]:
        """Read some of a study's system attributes; all of them hold every trial's note."""
        return self._repeating.read_study_attrs(study_id, keys)

    def find_study_attrs(self, study_id: int, beginning: str) -> dict[str, Any]:
        """Read those of a study's system attributes whose keys begin so."""
        return self._repeating.find_study_attrs(study_id, beginning)

    def find_studies(self, *, without: str) -> list[FrozenStudy]:
        """Read all studies, without the system attributes whose keys are LIKE `without`."""
        return self._repeating.find_studies(without=without)

    def write_study_attrs(self, study_id: int, values: Mapping[str, object]) -> None:
        """Set several of a study's system attributes in one statement."""
        self._repeating.write_study_attrs(study_id, values)

    @override
    def get_trial(self, trial_id: int) -> FrozenTrial:
        return self._backend.get_trial(trial_id)

    @override
    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        # Asked for in order to write: another trial may have the number of one that was lost.
        return self._backend.get_trial_id_from_study_id_trial_number(study_id, trial_number)

    @override
    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        seen: set[int] | None = getattr(self._look, "seen", None)
        if seen is None or study_id not in seen:
            self._read_trials_from_remote_storage(study_id)
            if seen is not None:
                seen.add(study_id)
        with self._lock:
            trials = self._ordered.get(study_id, [])
            if states is None:
                chosen = list(trials)
            else:
                chosen = [trial for trial in trials if trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    @override
    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        """Take in what is new. Raises WentBack where what was seen is gone, once in each thread.

        What was known of the study is forgotten then: the next read gives what there is.
        """
        told = getattr(self._look, "times_back", self._times_back)
        with self._lock:
            study = self._studies.setdefault(study_id, _StudyInfo())
            numbers = map(self._trial_id_to_study_id_and_number.get, study.unfinished_trial_ids)
            seen = [study.trials[place[1]] for place in numbers if place is not None]
            if study_id in self._last_ended:
                seen.append(self._last_ended[study_id])
            read = self._backend._get_trials(  # noqa: SLF001 - as Optuna's cache does
                study_id,
                states=None,
                included_trial_ids={trial._trial_id for trial in seen},  # noqa: SLF001
                trial_id_greater_than=study.last_finished_trial_id,
            )
            if went_back(seen, read):
                self._studies[study_id] = _StudyInfo()
                self._ordered.pop(study_id, None)
                self._last_ended.pop(study_id, None)
                self._times_back += 1
            else:
                self._take(study_id, read)
            self._look.times_back = self._times_back
        if told != self._times_back:
            raise WentBack

    def _take(self, study_id: int, read: list[FrozenTrial]) -> None:
        self._add_trials_to_cache(study_id, read)
        study, before = self._studies[study_id], self._last_ended.get(study_id)
        over = {trial._trial_id: trial for trial in read if trial.state.is_finished()}  # noqa: SLF001
        study.unfinished_trial_ids = {trial._trial_id for trial in read} - over.keys()  # noqa: SLF001
        study.last_finished_trial_id = max([study.last_finished_trial_id, *over])
        if before is not None:
            over.pop(before._trial_id, None)  # noqa: SLF001
        ended = last_ended(over.values())
        if ended is not None:
            self._last_ended[study_id] = ended

    @override
    def delete_study(self, study_id: int) -> None:
        self._last_ended.pop(study_id, None)
        self._ordered.pop(study_id, None)
        super().delete_study(study_id)

    @override
    def _add_trials_to_cache(self, study_id: int, trials: list[FrozenTrial]) -> None:
        """Keep the list by number as well: sorting it took longer than reading what is new."""
        super()._add_trials_to_cache(study_id, trials)
        ordered = self._ordered.setdefault(study_id, [])
        for trial in trials:
            if trial.number < len(ordered) and ordered[trial.number].number == trial.number:
                ordered[trial.number] = trial
            elif not ordered or ordered[-1].number < trial.number:
                ordered.append(trial)
            else:
                known = self._studies[study_id].trials
                ordered[:] = [known[number] for number in sorted(known)]
