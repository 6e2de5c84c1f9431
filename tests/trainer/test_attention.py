"""cuDNN, which prepares itself for each new shape, takes no part in trainings and searches."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.backends import cuda
from torch.nn.attention import SDPBackend

from config.schema import Configuration
from trainer.attention import attention_of_any_shape, padding_mask
from trainer.data import DataFiles
from trainer.fit import fit
from trainer.model import load_model
from trainer.session import TrainingSession
from trainer.tokens import load_tokenizer


def test_cudnn_is_off_inside_and_then_as_before() -> None:
    def fail() -> None:
        with attention_of_any_shape():
            assert not cuda.cudnn_sdp_enabled()
            raise KeyboardInterrupt

    assert cuda.cudnn_sdp_enabled()
    with pytest.raises(KeyboardInterrupt):
        fail()
    assert cuda.cudnn_sdp_enabled()
    cuda.enable_cudnn_sdp(enabled=False)
    try:
        with attention_of_any_shape():
            pass
        assert not cuda.cudnn_sdp_enabled()
    finally:
        cuda.enable_cudnn_sdp(enabled=True)


def test_it_is_off_in_every_pass_of_a_training_and_its_evaluations(
    tiny_config: Callable[..., Configuration], data_files: DataFiles, tmp_path: Path
) -> None:
    config = tiny_config(training={"num_train_epochs": 1})
    session = TrainingSession(data_files, tmp_path / "cache")
    seen: set[tuple[bool, bool]] = set()
    layers = session.weights(config).model.model
    for part in (layers.encoder, layers.decoder):
        part.layers[0].fc1.register_forward_hook(
            lambda module, *_: seen.add((module.training, cuda.cudnn_sdp_enabled()))
        )
    fit(config, lambda _: True, session=session, output_dir=tmp_path / "out")
    assert seen == {(True, False), (False, False)}
    assert cuda.cudnn_sdp_enabled()


def test_padding_told_once_a_text_changes_no_state(
    tiny_config: Callable[..., Configuration],
) -> None:
    config = tiny_config()
    model = load_model(config, load_tokenizer(config)).eval().model
    ids = torch.tensor([[5, 6, 7, 8, 1], [9, 5, 1, 3, 3]])
    plain = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    told = padding_mask(plain)
    assert told is not None
    assert told.shape == (2, 1, 1, 5)
    found, expected = (
        model(input_ids=ids, attention_mask=mask, decoder_input_ids=ids).last_hidden_state
        for mask in (told, plain)
    )
    torch.testing.assert_close(found, expected)
    assert padding_mask(torch.ones(2, 5, dtype=torch.long)) is None


@pytest.mark.gpu
def test_a_card_attends_with_a_mask_by_a_kernel_for_any_shape() -> None:
    heads = torch.zeros(2, 2, 4, 64, device="cuda", dtype=torch.float16)
    mask = torch.zeros(2, 1, 4, 4, device="cuda", dtype=torch.float16)
    with attention_of_any_shape():
        chosen = torch._fused_sdp_choice(heads, heads, heads, attn_mask=mask)
    assert SDPBackend(chosen) is SDPBackend.EFFICIENT_ATTENTION
