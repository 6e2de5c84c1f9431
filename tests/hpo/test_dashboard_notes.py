import json

import optuna
import pytest
from optuna_dashboard import _note, save_note
from optuna_dashboard.artifact import _backend

from hpo.dashboard_notes import _Artifacts, note_of

LONG = "긴 메모 " * 2000  # several pieces


@pytest.fixture
def study():
    study = optuna.create_study()
    trials = [study.ask() for _ in range(12)]
    save_note(study, "of the study")
    save_note(trials[1], LONG)
    save_note(trials[1], "short")  # leaves empty pieces behind
    save_note(trials[11], LONG)
    prefix = _backend._dashboard_artifact_prefix(trials[1]._trial_id)
    for name, meta in (("a", {"artifact_id": "a"}), ("b", None)):
        study._storage.set_study_system_attr(study._study_id, f"{prefix}{name}", json.dumps(meta))
    study._storage.set_trial_system_attr(
        trials[2]._trial_id, "artifacts:c", json.dumps({"artifact_id": "c"})
    )
    return study


def test_notes_are_those_that_optuna_dashboard_finds(study):
    attrs = study._storage.get_study_system_attrs(study._study_id)
    for trial_id in (None, *(trial._trial_id for trial in study.trials)):
        assert note_of(attrs, trial_id) == _note.get_note_from_system_attrs(attrs, trial_id)


def test_artifacts_are_those_that_optuna_dashboard_finds(study):
    attrs, ours = study._storage.get_study_system_attrs(study._study_id), _Artifacts()
    for trial in study.trials:
        theirs = _backend.list_trial_artifacts(attrs, trial.system_attrs, trial)
        assert ours.of(attrs, trial.system_attrs, trial) == theirs
    assert ours.of({}, {}, study.trials[1]) == []
