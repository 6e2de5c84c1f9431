"""What trials have saved is removed once they have ended, also when their worker died before."""

from pathlib import Path

import pytest
from optuna.trial import TrialState
from small_search import Search, small_search

from hpo.resume_states import forget, sweep
from storage.connect import Database
from trainer.resume_store import ResumeStore, open_resume_store
from trainer.write_guard import WriteGuard


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


@pytest.fixture(params=["folder", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "states") if request.param == "folder" else f"memory://{tmp_path.name}"


def save(root: str, number: int, *, study: str = "s") -> ResumeStore:
    """Leave a resume state of a trial."""
    store = open_resume_store(root, f"{study}/trial_{number:05d}")
    attempt = store.attempt("f" * 64, WriteGuard(lambda: None))
    list(attempt.states())
    attempt.put_state(1, 0, values={}, tensors={}, models=())
    assert store.place.entries()
    return store


def test_only_what_ended_trials_of_the_study_left_is_swept(search: Search, root: str) -> None:
    complete, running = search.trial(), search.trial()
    search.study.tell(complete, 0.5)
    left, kept, other = save(root, 0), save(root, 1), save(root, 0, study="t")
    nobodys = save(root, 9)
    sweep(search.study, root, "s")
    assert left.place.entries() == []
    assert kept.place.entries()
    assert other.place.entries()
    assert nobodys.place.entries()
    assert search.trials()[running.number].state is TrialState.RUNNING


def test_a_root_that_cannot_be_reached_keeps_nobody_from_training(
    search: Search, caplog: pytest.LogCaptureFixture
) -> None:
    sweep(search.study, "nosuch://bucket", "s")
    assert "old resume states cannot be looked for" in caplog.text


def test_what_cannot_be_removed_is_left_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, root: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise PermissionError("read-only file system")

    store = save(root, 0)
    monkeypatch.setattr(store.place, "clear", refuse)
    forget(store)
    assert "left behind for now: read-only file system" in caplog.text
