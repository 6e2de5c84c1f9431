"""The estimate of memory: it grows with what it should, and its level follows what is free."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BartConfig

from config.schema import Configuration
from hpo.check.memory import Free, estimated, measured
from trainer.memory_estimate import Estimate, Size, estimate

GIB = 1024**3
KOBART = BartConfig(
    vocab_size=30_015,
    d_model=768,
    encoder_layers=6,
    decoder_layers=6,
    encoder_ffn_dim=3072,
    decoder_ffn_dim=3072,
)
PARAMETERS = 123_870_000


def configured(
    batch: int = 16, evaluated: int = 32, *, beams: int = 4, saving: bool = False
) -> Configuration:
    sizes = {
        "per_device_train_batch_size": batch,
        "per_device_eval_batch_size": evaluated,
        "gradient_checkpointing": saving,
    }
    whole = Configuration()
    training = whole.training.model_copy(update=sizes)
    generation = whole.generation.model_copy(update={"num_beams": beams})
    return whole.model_copy(update={"training": training, "generation": generation})


def size(inputs: int = 512, targets: int = 128, *, cuda: bool = True, half: bool = True) -> Size:
    return Size(KOBART, PARAMETERS, inputs, targets, half=half and cuda, cuda=cuda)


@pytest.mark.parametrize("cuda", [True, False])
def test_the_least_is_the_model_with_its_optimizer(*, cuda: bool) -> None:
    found = estimate(configured(), size(cuda=cuda))
    assert 16 * PARAMETERS < found.least < found.peak
    assert found.least < 16 * PARAMETERS + 3 * GIB


@given(batch=st.integers(1, 64), more=st.integers(1, 64), inputs=st.integers(8, 1024))
def test_it_grows_with_the_batch_and_with_the_texts(batch: int, more: int, inputs: int) -> None:
    def peak(examples: int, length: int) -> int:
        return estimate(configured(examples), size(inputs=length)).peak

    assert peak(batch + more, inputs) >= peak(batch, inputs)
    assert peak(batch, inputs + more) >= peak(batch, inputs)


def test_checkpointing_half_precision_and_fewer_beams_save() -> None:
    whole = estimate(configured(64), size()).peak
    assert estimate(configured(64, saving=True), size()).peak < whole
    assert estimate(configured(64), size(half=False)).peak > whole
    few = estimate(configured(1, 64, beams=1), size()).peak
    assert few < estimate(configured(1, 64, beams=64), size()).peak


@pytest.mark.parametrize(
    ("free", "level"),
    [
        (20 * GIB, "ok"),
        (8 * GIB, "warning"),
        (3 * GIB, "warning"),
        (GIB, "failure"),
        (None, "warning"),
    ],
)
def test_the_level_follows_what_is_free(free: int | None, level: str) -> None:
    reckoned = Estimate(peak=8 * GIB, least=2 * GIB)
    found = estimated(configured(), reckoned, Free("on the GPU", free))
    assert found.level == level
    assert "8.0 GiB (estimate)" in found.text
    assert (found.level == "ok") == (not found.mend)


def test_what_was_measured_says_where_batches_were_cut() -> None:
    free = Free("on the GPU", 80 * GIB)
    whole = {"card": 9 * GIB, "main": GIB, "at_once": None}
    found = measured(configured(), free, whole)
    assert (found.level, "9.0 GiB (measured" in found.text) == ("ok", True)
    cut = measured(configured(), free, {**whole, "at_once": 4})
    assert cut.level == "warning"
    assert "at most 4 at once" in cut.text
