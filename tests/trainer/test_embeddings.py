"""Embeddings' gradients, added in place: those of torch, and gone with the training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BartForConditionalGeneration

from config.schema import Configuration
from trainer.embeddings import gradients_in_place
from trainer.model import load_model
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
IDS = torch.tensor([[5, 6, 6, 7], [8, 5, 3, 3]])  # 3 is padding


@pytest.fixture
def model(tiny_config: MakeConfig) -> BartForConditionalGeneration:
    config = tiny_config(model={"architecture": {"scale_embedding": True}})
    return load_model(config, load_tokenizer(config)).eval()


def trained(model: BartForConditionalGeneration, *, passes: int) -> dict[str, torch.Tensor]:
    """The gradients of so many forward and backward passes."""
    model.zero_grad()
    for number in range(passes):
        states = model.model(input_ids=IDS + number, decoder_input_ids=IDS).last_hidden_state
        model.lm_head(states).tanh().sum().backward()
    return {
        name: parameter.grad.clone()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("passes", [1, 2])
def test_gradients_are_torchs_own(model: BartForConditionalGeneration, passes: int) -> None:
    expected = trained(model, passes=passes)
    with gradients_in_place(model):
        found = trained(model, passes=passes)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_weight_of_its_own_gets_its_gradient_too(model: BartForConditionalGeneration) -> None:
    """Where the projection has another weight, nothing has made a gradient before."""
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    expected = trained(model, passes=2)
    with gradients_in_place(model):
        found = trained(model, passes=2)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_gradients_are_torchs_own_where_rows_were_added(
    tiny_config: MakeConfig, saved_model: Path
) -> None:
    """Encoder and decoder then have one embedding: the checkpoint's is one for each."""
    config = tiny_config(model={"name": str(saved_model), "init": "pretrained"})
    model = load_model(config, load_tokenizer(config)).eval()
    embedding = model.model.encoder.embed_tokens
    assert model.model.decoder.embed_tokens is embedding
    expected = trained(model, passes=2)
    with gradients_in_place(model):
        found = trained(model, passes=2)
    assert "forward" not in vars(embedding)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_nothing_is_left_behind_even_after_an_error(model: BartForConditionalGeneration) -> None:
    embedding = model.model.encoder.embed_tokens

    def fail() -> None:
        with gradients_in_place(model):
            assert "forward" in vars(embedding)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "forward" not in vars(embedding)


def test_looking_without_training_is_the_embeddings_own(
    model: BartForConditionalGeneration,
) -> None:
    embedding = model.model.decoder.embed_tokens
    expected = embedding(IDS)
    with gradients_in_place(model), torch.inference_mode():
        assert torch.equal(embedding(IDS), expected)
