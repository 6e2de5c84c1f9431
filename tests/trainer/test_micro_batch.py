"""How a batch comes to fit: halved on the way down, remembered, never raised again."""

from collections.abc import Callable, Sequence

import pytest
import torch

from config.schema import Configuration
from trainer.device import Precision
from trainer.errors import DeviceTaken, OutOfMemory
from trainer.micro_batch import (
    FittingBatch,
    InProcess,
    Load,
    evaluation_load,
    in_pieces,
    training_load,
)

MakeConfig = Callable[..., Configuration]
FP32 = Precision("fp32", "")
CPU = torch.device("cpu")


class Card:
    """A device that holds `capacity` examples at once; notes what ran and what did not fit."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.ran: list[list[int]] = []
        self.refused: list[int] = []

    def run(self, piece: Sequence[int]) -> None:
        if len(piece) > self.capacity:
            self.refused.append(len(piece))
            raise torch.OutOfMemoryError("CUDA out of memory.")
        self.ran.append(list(piece))


def load(wanted: int, key: str = "k") -> Load:
    return Load("training.per_device_train_batch_size", wanted, key, "lower the length")


@pytest.mark.parametrize(
    ("wanted", "capacity", "tried"),
    [(8, 8, []), (8, 3, [8, 4]), (50, 7, [50, 25, 13]), (6, 1, [6, 3, 2]), (1, 1, [])],
)
def test_a_batch_is_halved_until_it_fits(wanted: int, capacity: int, tried: list[int]) -> None:
    card = Card(capacity)
    batch = FittingBatch(load(wanted), InProcess())
    in_pieces(batch, range(wanted), card.run)
    assert card.refused == tried
    assert [index for piece in card.ran for index in piece] == list(range(wanted))
    assert batch.size == max(map(len, card.ran))


def test_a_size_is_found_once_and_known_afterwards() -> None:
    memory, first, second = InProcess(), Card(2), Card(2)
    in_pieces(FittingBatch(load(8), memory), range(8), first.run)
    in_pieces(FittingBatch(load(8), memory), range(8), second.run)
    assert first.refused == [8, 4]
    assert second.refused == []
    assert memory.known("k") == 2
    assert memory.known("another") is None


def test_what_fits_at_once_is_not_written_down() -> None:
    memory = InProcess()
    in_pieces(FittingBatch(load(8), memory), range(8), Card(8).run)
    assert memory.known("k") is None


def test_a_size_that_did_not_fit_never_comes_back() -> None:
    memory = InProcess()
    memory.found("k", 2)
    memory.found("k", 4)
    assert memory.known("k") == 2


def test_not_even_one_example_is_out_of_memory_and_the_next_need_not_come_down() -> None:
    memory, card = InProcess(), Card(0)
    with pytest.raises(OutOfMemory, match="per_device_train_batch_size 4 does not fit") as caught:
        in_pieces(FittingBatch(load(4), memory), range(4), card.run)
    assert caught.value.constraint == "memory"
    assert "lower the length" in str(caught.value)
    assert card.refused == [4, 2, 1]
    with pytest.raises(OutOfMemory):
        in_pieces(FittingBatch(load(4), memory), range(4), card.run)
    assert card.refused == [4, 2, 1, 1]


def test_what_others_leave_no_room_for_is_no_property_of_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = InProcess()
    monkeypatch.setattr("trainer.micro_batch.crowded", lambda: DeviceTaken("others hold it"))
    in_pieces(FittingBatch(load(4), memory), range(4), Card(2).run)
    assert memory.known("k") is None
    with pytest.raises(DeviceTaken):
        in_pieces(FittingBatch(load(4), memory), range(4), Card(0).run)
    assert memory.known("k") is None


def test_other_errors_change_nothing() -> None:
    batch = FittingBatch.of(8)

    def run(piece: Sequence[int]) -> None:
        raise RuntimeError(f"a bug at {len(piece)}")

    with pytest.raises(RuntimeError, match="a bug at 8"):
        in_pieces(batch, range(8), run)
    assert batch.size == 8


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"max_encoder_length": 64}},
        {"model": {"max_decoder_length": 32}},
        {"model": {"architecture": {"d_model": 32}}},
        {"training": {"per_device_train_batch_size": 2, "per_device_eval_batch_size": 2}},
    ],
)
def test_what_changes_the_need_of_memory_changes_the_key(
    tiny_config: MakeConfig, change: dict[str, dict[str, object]]
) -> None:
    for load_of in (training_load, evaluation_load):
        assert (
            load_of(tiny_config(), FP32, CPU).key != load_of(tiny_config(**change), FP32, CPU).key
        )


def test_what_does_not_change_it_keeps_the_key(tiny_config: MakeConfig) -> None:
    rate = tiny_config(training={"learning_rate": 1e-3, "num_train_epochs": 7})
    bf16 = Precision("bf16", "")
    for load_of in (training_load, evaluation_load):
        key = load_of(tiny_config(), FP32, CPU).key
        assert load_of(rate, FP32, CPU).key == key
        assert load_of(tiny_config(), bf16, CPU).key != key
    checkpointing = tiny_config(training={"gradient_checkpointing": True})
    assert training_load(checkpointing, FP32, CPU) != training_load(tiny_config(), FP32, CPU)
    beams = tiny_config(generation={"num_beams": 4})
    assert evaluation_load(beams, FP32, CPU) != evaluation_load(tiny_config(), FP32, CPU)
