"""States of attempts: which is believed, what is damaged, what is removed."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from trainer.resume_attempt import Attempt
from trainer.resume_entry import Unusable
from trainer.resume_place import FolderPlace, Place
from trainer.write_guard import WriteGuard


@pytest.fixture
def place(tmp_path: Path) -> FolderPlace:
    return FolderPlace(tmp_path, "resume")


def attempt(place: Place, fingerprint: str = "f", *, found: int | None = None) -> Attempt:
    """Begin an attempt; `found`: the step of the state that it has to find, None: none."""
    begun = Attempt(place, fingerprint, guard=WriteGuard(None))
    state = next(begun.states(), None)
    assert (state and state.values["step"]) == found
    if state is not None:
        begun.adopt(state.entry, state.values["models"])
    return begun


def put(writer: Attempt, step: int, *models: str) -> None:
    writer.put_state(
        step,
        step // 2,
        values={"step": step, "models": models},
        tensors={"a": torch.full((3, 2), step), "b": torch.tensor(0.5, dtype=torch.bfloat16)},
        models=models,
    )


def steps(place: Place) -> list[int]:
    return sorted(int(entry.split("-")[2]) for entry in place.entries())


def newest(place: FolderPlace) -> Path:
    return place.folder / max(place.entries())


def test_tensors_and_values_come_back(place: FolderPlace) -> None:
    put(attempt(place), 4)
    [found] = Attempt(place, "f", guard=WriteGuard(None)).states()
    assert found.values == {"step": 4, "models": []}
    assert torch.equal(found.tensors["a"], torch.full((3, 2), 4))
    assert found.tensors["b"].dtype == torch.bfloat16
    assert found.tensors["b"].shape == ()


def test_last_two_states_are_kept(place: FolderPlace) -> None:
    writer = attempt(place)
    for step in (1, 2, 3):
        put(writer, step)
    assert steps(place) == [2, 3]
    put(attempt(place, found=3), 4)
    assert steps(place) == [3, 4]


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("file", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("harm", [truncate, flip_a_bit, Path.unlink])
def test_damaged_state_is_told_and_the_one_before_it_used(
    place: FolderPlace, caplog: pytest.LogCaptureFixture, harm: object, file: str
) -> None:
    writer = attempt(place)
    put(writer, 1)
    put(writer, 2)
    assert callable(harm)
    harm(newest(place) / file)
    caplog.set_level(logging.WARNING)
    after = attempt(place, found=1)
    told = [record.getMessage() for record in caplog.records]
    if (file, harm) == ("manifest.json", Path.unlink):
        assert told == []  # no entry at all
    else:
        assert len(told) == 1
        assert "cannot be used" in told[0]
    put(after, 3)
    assert steps(place) == [1, 3]  # the damaged one does not take a place of the two


def test_no_usable_state_is_the_start(place: FolderPlace, caplog: pytest.LogCaptureFixture) -> None:
    put(attempt(place), 1)
    truncate(newest(place) / "state.json")
    attempt(place)
    assert caplog.messages[-1] == "no resume state can be used; training from the start"


def test_state_of_another_training_is_not_used(
    place: FolderPlace, caplog: pytest.LogCaptureFixture
) -> None:
    put(attempt(place, "one"), 5)
    other = attempt(place, "two")
    assert "it is of another training" in caplog.text
    put(other, 1)
    assert steps(place) == [1]


def test_file_beyond_its_entry_is_never_read(place: FolderPlace, tmp_path: Path) -> None:
    """Whoever can write to the checkpoint root names no other file of the worker's host."""
    writer = attempt(place)
    put(writer, 1)
    manifest = newest(place) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"state.json"', '"../../../state.json"'))
    attempt(place)
    with pytest.raises(Unusable):
        writer.fetch_model(newest(place).name, tmp_path)


def test_pickle_in_an_entry_is_no_state(place: FolderPlace, tmp_path: Path) -> None:
    put(attempt(place), 1)
    torch.save({"a": torch.zeros(2)}, newest(place) / "tensors.safetensors")
    attempt(place)


def test_attempt_that_was_taken_over_removes_nothing_and_is_not_believed(
    place: FolderPlace,
) -> None:
    paused = attempt(place)
    put(paused, 1)
    put(paused, 2)
    successor = attempt(place, found=2)
    put(successor, 3)
    put(paused, 8)  # as if it had been stopped right behind the check of its lease
    put(paused, 9)
    assert {2, 3} <= set(steps(place))
    attempt(place, found=3)
    put(successor, 4)
    assert steps(place) == [3, 4]


def test_two_attempts_at_once_never_share_a_name(place: FolderPlace) -> None:
    one, two = attempt(place), attempt(place)
    put(one, 1)
    put(two, 1)
    assert steps(place) == [1, 1]


def test_leftovers_of_earlier_attempts_are_removed(place: FolderPlace) -> None:
    put(attempt(place), 1)
    half = place.folder / ".state-0001-00000002-000001-abcdef.partial"
    half.mkdir()
    put(attempt(place, found=1), 3)
    assert not half.exists()


def test_models_are_kept_while_a_state_needs_them(place: FolderPlace, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights").write_bytes(b"1")
    writer = attempt(place)
    first = writer.put_model(1, model)
    put(writer, 1, first)
    second = writer.put_model(2, model)
    put(writer, 2, second)
    assert {first, second} <= set(place.entries())
    put(writer, 3, second)
    assert first not in place.entries()
    writer.fetch_model(second, tmp_path)
    assert (tmp_path / "weights").read_bytes() == b"1"


def test_refusal_to_write_leaves_nothing(place: FolderPlace) -> None:
    answers: Iterator[bool] = iter([True, True, True, True, False])

    def before_write() -> None:
        if not next(answers):
            raise ConnectionError("the lease is lost")

    guard = WriteGuard(before_write)
    writer = Attempt(place, "f", guard=guard)
    put(writer, 1)
    put_at_two = pytest.raises(ConnectionError)
    with put_at_two as caught:
        put(writer, 2)
    assert guard.refused(caught.value)
    assert steps(place) == [1]
    assert place.leftovers() == []


def test_place_that_cannot_be_reached_is_the_start(
    place: FolderPlace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(attempt(place), 1)
    with monkeypatch.context() as patch:

        def unreachable(_: object) -> list[str]:
            raise TimeoutError("no answer")

        patch.setattr(FolderPlace, "entries", unreachable)
        later = attempt(place)
    assert "cannot be reached (no answer); training from the start" in caplog.text
    put(later, 1)
    attempt(place, found=1)
