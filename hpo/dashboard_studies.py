"""Less to read for optuna-dashboard: trials' notes when they are shown, ended trials once.

For its list and for each poll it reads all studies with all their attributes, and each trial's note
is among these: 15 MB at 10,000 trials, of which a poll shows a few. And it goes through the
parameters of all trials again at each poll once all of them have ended.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from optuna.storages import BaseStorage
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial
from optuna_dashboard import _app, _note, _serializer, _storage
from optuna_dashboard._inmemory_cache import _CachedExtraStudyProperty as SearchSpaces

from storage.trial_cache import TrialCache

TRIAL_NOTES = r"dashboard:%:note\_%"  # in SQL; the study's own have nothing between the colons
MOST_ONE_BY_ONE = 1000  # trials; of more, all notes are read in one piece

_with_all_attributes = _storage.get_studies
_serialize = _serializer.serialize_study_detail
_update = SearchSpaces.update


def read_less() -> None:
    """Let optuna-dashboard in this process read what it sends alone, and ended trials once."""
    _app.get_studies = _storage.get_studies = studies_without_notes
    _app.serialize_study_detail = serialize_with_notes
    SearchSpaces.update = update_from_first_unfinished


class Attributes(dict[str, Any]):
    """A study's system attributes, to which its trials' notes are added when they are wanted."""

    def __init__(self, frozen: FrozenStudy, storage: TrialCache) -> None:
        super().__init__(frozen.system_attrs)
        self._study_id = frozen._study_id  # noqa: SLF001 - no public way
        self._storage = storage

    def read_notes(self, trial_ids: Iterable[int]) -> None:
        """Add the notes of these trials."""
        wanted = set(trial_ids)
        if len(wanted) > MOST_ONE_BY_ONE:
            self.update(self._storage.find_study_attrs(self._study_id, "dashboard:"))
            return
        wanted = self._read({trial_id: _note.note_ver_key(trial_id) for trial_id in wanted})
        piece = 0
        while wanted:
            wanted = self._read({i: f"{_note.note_str_key_prefix(i)}{piece}" for i in wanted})
            piece += 1

    def _read(self, keys: dict[int, str]) -> set[int]:
        """Add the attributes of these keys; gives the trials that have theirs."""
        if keys:
            self.update(self._storage.read_study_attrs(self._study_id, list(keys.values())))
        return {trial_id for trial_id, key in keys.items() if key in self}


def studies_without_notes(storage: BaseStorage) -> list[FrozenStudy]:
    """Optuna-dashboard's get_studies; studies of ours have `Attributes`."""
    if not isinstance(storage, TrialCache):
        return list(_with_all_attributes(storage))
    studies = storage.find_studies(without=TRIAL_NOTES)
    for study in studies:
        study.system_attrs = Attributes(study, storage)
    return studies


def serialize_with_notes(
    study: FrozenStudy,
    best_trials: Sequence[FrozenTrial],
    trials: Sequence[FrozenTrial],
    *others: object,
) -> dict[str, Any]:
    """Optuna-dashboard's serialize_study_detail, with the notes of the trials that it sends."""
    if isinstance(study.system_attrs, Attributes):
        shown = [*best_trials, *trials]
        study.system_attrs.read_notes(trial._trial_id for trial in shown)  # noqa: SLF001 - no public way
    return dict(_serialize(study, best_trials, trials, *others))


def update_from_first_unfinished(spaces: SearchSpaces, trials: list[FrozenTrial]) -> None:
    """Optuna-dashboard's update, which next time begins at the first trial that has not ended."""
    _update(spaces, trials)
    begin = max(spaces._cursor, 0)  # noqa: SLF001 - its own mark of where to begin
    unfinished = (trial.number for trial in trials[begin:] if not trial.state.is_finished())
    spaces._cursor = next(unfinished, len(trials))  # noqa: SLF001 - see above
