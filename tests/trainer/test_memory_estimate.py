"""What a training is reckoned to take, where a setting makes it take more."""

from collections.abc import Callable

import pytest
from transformers import BartConfig

from config.schema import Configuration
from trainer.memory_estimate import Size, estimate

BART = BartConfig(vocab_size=1000, d_model=64, encoder_layers=2, decoder_layers=2)


@pytest.mark.parametrize("cuda", [False, True])
def test_rdrop_keeps_two_passes(tiny_config: Callable[..., Configuration], *, cuda: bool) -> None:
    size = Size(BART, parameters=1000, inputs=400, targets=100, half=False, cuda=cuda)

    def peak(alpha: float, batch: int) -> int:
        training = {"rdrop_alpha": alpha, "per_device_train_batch_size": batch}
        return estimate(tiny_config(training=training), size).peak

    assert peak(1.0, 8) == pytest.approx(peak(0.0, 16), rel=0.05)
    assert peak(1.0, 8) > peak(0.0, 8)
