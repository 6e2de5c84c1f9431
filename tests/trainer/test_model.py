"""The model: random or pretrained, its new rows, and how its initial weights come back."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BartForConditionalGeneration

from config.schema import Configuration
from trainer.errors import TrainerError
from trainer.model import (
    InitialWeights,
    check_lengths,
    load_model,
    set_activation_checkpointing,
)
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
CPU = torch.device("cpu")


def model_of(config: Configuration) -> BartForConditionalGeneration:
    return load_model(config, load_tokenizer(config))


def weights_of(model: BartForConditionalGeneration) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_random_weights_follow_from_the_seed(tiny_config: MakeConfig) -> None:
    one, same_seed, other = (
        weights_of(model_of(tiny_config(general={"seed": seed}))) for seed in (1, 1, 2)
    )
    assert same(one, same_seed)
    assert not same(one, other)


def test_drawing_weights_uses_no_card(
    tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)  # of which none could be used here
    config = tiny_config()
    assert load_model(config, load_tokenizer(config)).device.type == "cpu"


def test_drawing_weights_leaves_the_random_state_alone(tiny_config: MakeConfig) -> None:
    before = torch.random.get_rng_state()
    model_of(tiny_config())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_architecture_overrides_the_checkpoints(tiny_config: MakeConfig) -> None:
    model = model_of(tiny_config(model={"architecture": {"d_model": 24, "decoder_layers": 2}}))
    assert model.config.d_model == 24
    assert len(model.model.decoder.layers) == 2
    assert len(model.model.encoder.layers) == 1


def test_special_ids_come_from_the_checkpoint(tiny_config: MakeConfig) -> None:
    ids = InitialWeights(model_of(tiny_config())).ids
    assert ids["decoder_start_token_id"] == 2
    assert ids["pad_token_id"] == 3
    assert ids["forced_eos_token_id"] == 1


def test_heads_that_do_not_divide_the_width_are_refused(tiny_config: MakeConfig) -> None:
    with pytest.raises(TrainerError, match="encoder_attention_heads 2 does not divide d_model 15"):
        model_of(tiny_config(model={"architecture": {"d_model": 15}}))


def test_pretrained_weights_get_the_same_new_rows_each_time(
    tiny_config: MakeConfig, saved_model: Path
) -> None:
    config = tiny_config(model={"name": str(saved_model), "init": "pretrained"})
    read = BartForConditionalGeneration.from_pretrained(saved_model)
    one, two = model_of(config), model_of(config)
    old = read.config.vocab_size
    assert one.config.vocab_size == old + 15
    assert torch.equal(one.model.shared.weight[:old], read.model.shared.weight)
    assert one.lm_head.weight is one.model.shared.weight
    assert one.final_logits_bias.shape == (1, old + 15)
    assert same(weights_of(one), weights_of(two))


def test_checkpoint_without_the_tokenizers_rows_trains_with_them(
    tiny_config: MakeConfig, saved_model: Path
) -> None:
    """Only the vocabulary grows: positions and layers are the checkpoint's."""
    config = tiny_config(model={"name": str(saved_model), "init": "pretrained"})
    tokenizer = load_tokenizer(config)
    model = load_model(config, tokenizer)
    assert model.get_input_embeddings().num_embeddings == len(tokenizer)
    assert model.config.max_position_embeddings == 256


def test_vocabulary_that_is_larger_than_the_tokenizers_is_left_so(
    tiny_config: MakeConfig, saved_model: Path
) -> None:
    read = BartForConditionalGeneration.from_pretrained(saved_model)
    read.resize_token_embeddings(read.config.vocab_size + 40)
    read.save_pretrained(saved_model)
    model = model_of(tiny_config(model={"name": str(saved_model), "init": "pretrained"}))
    assert model.config.vocab_size == read.config.vocab_size


def test_random_model_of_an_unreachable_name_is_one_clear_line(
    tiny_config: MakeConfig, tmp_path: Path
) -> None:
    config = tiny_config(model={"name": str(tmp_path / "nowhere")})
    with pytest.raises(TrainerError, match="there is no folder") as caught:
        load_model(config, load_tokenizer(tiny_config()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("model", {"max_encoder_length": 257}, "max_encoder_length asks for 257 positions"),
        ("model", {"max_decoder_length": 300}, "max_decoder_length asks for 300 positions"),
        ("generation", {"max_new_tokens": 256}, "max_new_tokens asks for 257 positions"),
    ],
)
def test_lengths_beyond_the_models_positions_are_refused(
    tiny_config: MakeConfig, section: str, values: dict[str, int], message: str
) -> None:
    config = tiny_config(**{section: values})
    with pytest.raises(TrainerError, match=f"{message} but .* has 256; lower it"):
        check_lengths(config, model_of(config).config)


def test_lengths_up_to_the_models_positions_are_taken(tiny_config: MakeConfig) -> None:
    config = tiny_config(model={"max_encoder_length": 256}, generation={"max_new_tokens": 255})
    check_lengths(config, model_of(config).config)


def test_fresh_model_has_the_initial_weights_again(tiny_config: MakeConfig) -> None:
    weights = InitialWeights(model_of(tiny_config()))
    start = weights_of(weights.model)
    with torch.no_grad():
        for parameter in weights.model.parameters():
            parameter.add_(1.0)
    assert weights.fresh(CPU) is weights.model
    assert same(weights_of(weights.model), start)


def test_weights_come_back_from_the_end_of_a_training_on(tiny_config: MakeConfig) -> None:
    weights = InitialWeights(model_of(tiny_config()))
    start = weights_of(weights.model)
    model = weights.fresh(CPU)
    for _ in range(2):  # as where what comes next cannot be trained
        with torch.no_grad():
            model.lm_head.weight.zero_()
        weights.rest()
    weights.fresh(CPU)
    assert same(weights_of(model), start)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert not model.lm_head.weight.any()  # nobody copies beside a training


def test_weights_that_have_moved_come_back_too(tiny_config: MakeConfig) -> None:
    """As those do that lie on a GPU by now."""
    weights = InitialWeights(model_of(tiny_config()))
    start = weights_of(weights.model)
    for parameter in weights.model.parameters():
        parameter.data = parameter.data + 1.0
    for _ in range(2):
        assert same(weights_of(weights.fresh(CPU)), start)
        weights.model.lm_head.weight.data.zero_()


def test_kept_model_is_saved_and_read_as_any_other(tiny_config: MakeConfig, tmp_path: Path) -> None:
    model = model_of(tiny_config())
    start = weights_of(model)
    InitialWeights(model).model.save_pretrained(tmp_path)
    assert same(weights_of(BartForConditionalGeneration.from_pretrained(tmp_path)), start)


def test_fresh_model_has_forgotten_its_training(tiny_config: MakeConfig) -> None:
    weights = InitialWeights(model_of(tiny_config()))
    model = weights.model
    model.train()
    set_activation_checkpointing(model, on=True)
    model.forward = model.forward  # as accelerate wraps it for mixed precision
    model._is_accelerate_prepared = True
    model.lm_head.weight.grad = torch.ones_like(model.lm_head.weight)
    model.model.encoder.layers[0].requires_grad_(False)
    weights.fresh(CPU)
    assert not model.training
    assert not any(getattr(m, "gradient_checkpointing", False) for m in model.modules())
    assert not model.model.shared._forward_hooks
    assert {"forward", "_is_accelerate_prepared"}.isdisjoint(model.__dict__)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
