"""The session: made once for the same part of the configuration, again for another."""

import gc
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.session import Kept, TrainingSession

MakeConfig = Callable[..., Configuration]


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path)


def test_kept_values_are_made_once_and_the_oldest_goes() -> None:
    made: list[str] = []

    def make(name: str) -> Callable[[], str]:
        return lambda: made.append(name) or name.upper()

    kept: Kept[str] = Kept(2)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(name, make(name)) == name.upper()
    assert made == ["a", "b", "c", "b"]


def test_texts_are_read_once(session: TrainingSession) -> None:
    assert len(session.train) == 16
    assert len(session.dev) == 6
    assert session.train is session.train


def test_training_settings_make_nothing_anew(
    session: TrainingSession, tiny_config: MakeConfig
) -> None:
    one = tiny_config(training={"learning_rate": 1e-4})
    other = tiny_config(training={"learning_rate": 1e-3}, generation={"num_beams": 3})
    for get in (
        session.tokenizer,
        session.train_split,
        session.dev_split,
        session.weights,
        session.scorer,
    ):
        assert get(one) is get(other)


def test_what_decides_makes_anew(session: TrainingSession, tiny_config: MakeConfig) -> None:
    one = tiny_config()
    shorter = tiny_config(model={"max_encoder_length": 64})
    assert session.train_split(one) is not session.train_split(shorter)
    assert session.weights(one) is session.weights(shorter)
    assert session.weights(one) is not session.weights(tiny_config(general={"seed": 1}))
    uncleaned = tiny_config(preprocessing={"cleaning": []})
    assert session.dev_split(one) is not session.dev_split(uncleaned)
    characters = tiny_config(metric={"tokenizer": "character"})
    assert session.scorer(one) is not session.scorer(characters)
    untagged = tiny_config(preprocessing={"special_tokens": []})
    assert len(session.tokenizer(untagged)) == len(session.tokenizer(one)) - 15


class Ring:
    """An object that only the collector frees."""

    def __init__(self) -> None:
        self.myself = self


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Has the collector pass over all that is here now, and look when it is asked only."""
    gc.collect()
    gc.freeze()
    gc.disable()
    monkeypatch.setattr("trainer.session.PASSED_OVER_FROM", 1_000)
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collected")
def test_what_was_in_use_at_a_trainings_end_is_collected_after_another(
    session: TrainingSession,
) -> None:
    used = Ring()
    gone = weakref.ref(used)
    session.clear_away()
    assert gone() is used
    del used
    session.clear_away()
    assert gone() is None


@pytest.mark.usefixtures("collected")
def test_much_that_stays_is_not_looked_at_again(session: TrainingSession) -> None:
    before = gc.get_freeze_count()
    stays = [Ring() for _ in range(2_000)]
    session.clear_away()
    assert gc.get_freeze_count() - before >= len(stays)
    assert len(gc.get_objects()) < 1_000
