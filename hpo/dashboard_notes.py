"""The notes and artifacts of a trial by their keys, for optuna-dashboard.

For each trial that it shows, its own functions look through all attributes of the study, and each
trial's note is among these: at 10,000 trials that took minutes for a page.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial
from optuna_dashboard import _note, _serializer
from optuna_dashboard.artifact._backend import (
    ARTIFACTS_ATTR_PREFIX,
    DASHBOARD_ARTIFACTS_ATTR_PREFIX,
)


def find_notes_by_key() -> None:
    """Let optuna-dashboard in this process look up what it would search for."""
    _note.get_note_from_system_attrs = note_of
    _serializer.list_trial_artifacts = _Artifacts().of


def note_of(system_attrs: Mapping[str, Any], trial_id: int | None) -> dict[str, Any]:
    """The note of a trial, or of the study where `trial_id` is None."""
    version = system_attrs.get(_note.note_ver_key(trial_id))
    if version is None:
        return {"version": 0, "body": ""}
    prefix, pieces = _note.note_str_key_prefix(trial_id), list[str]()
    while (piece := system_attrs.get(f"{prefix}{len(pieces)}")) is not None:
        pieces.append(piece)
    return {"version": int(version), "body": "".join(pieces)}


class _Artifacts:
    """The artifacts that a study's attributes name, sorted by trial once a reading."""

    def __init__(self) -> None:
        self._attrs: Mapping[str, Any] | None = None
        self._by_trial: dict[str, list[Any]] = {}

    def of(
        self, study_attrs: Mapping[str, Any], trial_attrs: Mapping[str, Any], trial: FrozenTrial
    ) -> list[Any]:
        """What optuna_dashboard's list_trial_artifacts gives."""
        by_trial = self._sorted(study_attrs)
        found = list(by_trial.get(str(trial._trial_id), ()))  # noqa: SLF001 - no public way
        found += [
            json.loads(value)
            for key, value in trial_attrs.items()
            if key.startswith(ARTIFACTS_ATTR_PREFIX)
        ]
        return [meta for meta in found if meta is not None]

    def _sorted(self, attrs: Mapping[str, Any]) -> dict[str, list[Any]]:
        if self._attrs is not attrs:
            by_trial: dict[str, list[Any]] = defaultdict(list)
            for key, value in attrs.items():
                if key.startswith(DASHBOARD_ARTIFACTS_ATTR_PREFIX):
                    trial = key.removeprefix(DASHBOARD_ARTIFACTS_ATTR_PREFIX).partition(":")[0]
                    by_trial[trial].append(json.loads(value))
            self._by_trial, self._attrs = dict(by_trial), attrs
        return self._by_trial
