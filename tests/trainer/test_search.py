"""The search: token for token what transformers' `generate` finds, whatever the batch."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional
from transformers import BartForConditionalGeneration

from config.schema import Configuration, Generation
from trainer.decoder import ROOM
from trainer.device import Precision, has_amx
from trainer.generate import generate, generation_settings, special_ids
from trainer.micro_batch import FittingBatch
from trainer.model import load_model
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
FP32, BF16 = Precision("fp32", ""), Precision("bf16", "")
END, PAD = 1, 3
ROWS = [[20 + number, *range(30, 33 + 5 * (number % 6)), END] for number in range(12)]


@pytest.fixture
def model(tiny_config: MakeConfig) -> BartForConditionalGeneration:
    """Weights so large that it has a will of its own, and summaries that end early and late."""
    config = tiny_config(model={"architecture": {"decoder_layers": 2}})
    model = load_model(config, load_tokenizer(config)).eval()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
        model.final_logits_bias[0, END] = 1.0
    return model


def search_as(model: BartForConditionalGeneration, **wanted: object) -> None:
    settings = Generation.model_validate({"max_new_tokens": 2 * ROOM + 3, **wanted})
    model.generation_config = generation_settings(special_ids(model), settings)


def transformers_own(model: BartForConditionalGeneration) -> list[list[int]]:
    """Each row alone, so that nothing is padded."""
    with torch.inference_mode():
        return [model.generate(torch.tensor([row]))[0].tolist() for row in ROWS]


def ours(model: BartForConditionalGeneration, batch: int) -> list[list[int]]:
    return generate(model, ROWS, batch=FittingBatch.of(batch), precision=FP32)


@pytest.mark.parametrize(
    ("beams", "ngram", "penalty"),
    [
        (1, 0, 1.0),
        (1, 1, 1.0),
        (1, 3, 1.0),
        (2, 0, 1.0),
        (3, 1, 0.4),
        (4, 2, 1.0),
        (4, 3, 2.0),
        (4, 2, 0.0),
        (3, 2, -1.0),
    ],
)
def test_search_finds_what_transformers_finds(
    model: BartForConditionalGeneration, beams: int, ngram: int, penalty: float
) -> None:
    search_as(model, num_beams=beams, no_repeat_ngram_size=ngram, length_penalty=penalty)
    expected = transformers_own(model)
    assert penalty > 1 or len({len(row) for row in expected}) > 1
    assert ours(model, 12) == expected
    assert ours(model, 5) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("beams", [1, 4])
def test_a_card_finds_what_the_cpu_finds_but_for_rounding(
    model: BartForConditionalGeneration, beams: int
) -> None:
    search_as(model, num_beams=beams, no_repeat_ngram_size=2)
    expected = ours(model, 12)
    found = ours(model.to("cuda"), 5)
    assert sum(one == other for one, other in zip(found, expected, strict=True)) >= 10


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize(
    "ids",
    [
        {"forced_bos_token_id": 7},
        {"forced_eos_token_id": 2},
        {"forced_eos_token_id": None},
        {"eos_token_id": [1, 35]},
        {"decoder_start_token_id": 5, "eos_token_id": None, "forced_eos_token_id": None},
    ],
)
def test_special_ids_steer_it_as_they_steer_transformers(
    model: BartForConditionalGeneration, beams: int, ids: dict[str, object]
) -> None:
    search_as(model, num_beams=beams, no_repeat_ngram_size=2, max_new_tokens=7)
    for name, value in ids.items():
        setattr(model.generation_config, name, value)
    assert ours(model, 12) == transformers_own(model)


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("tokens", [1, 2])
def test_very_short_limits_are_kept(
    model: BartForConditionalGeneration, beams: int, tokens: int
) -> None:
    search_as(model, num_beams=beams, max_new_tokens=tokens)
    assert ours(model, 12) == transformers_own(model)


def test_embeddings_that_are_scaled_are_scaled(tiny_config: MakeConfig) -> None:
    config = tiny_config(model={"architecture": {"scale_embedding": True}})
    model = load_model(config, load_tokenizer(config)).eval()
    search_as(model, num_beams=2)
    assert ours(model, 12) == transformers_own(model)


@pytest.mark.skipif(not has_amx(), reason="this CPU does not multiply in bf16")
@pytest.mark.parametrize("beams", [1, 4])
def test_bf16_finds_what_transformers_finds_with_its_logits_in_bf16(
    model: BartForConditionalGeneration, monkeypatch: pytest.MonkeyPatch, beams: int
) -> None:
    """The bias keeps equal logits apart: each of the two takes such in an order of its own."""
    model.final_logits_bias.normal_(std=0.1, generator=torch.Generator().manual_seed(6))
    model.final_logits_bias[0, END] = 1.0
    search_as(model, num_beams=beams)
    found = generate(model, ROWS, batch=FittingBatch.of(12), precision=BF16)
    weight = model.lm_head.weight.bfloat16()
    monkeypatch.setattr(
        model.lm_head, "forward", lambda states: functional.linear(states.bfloat16(), weight)
    )
    assert found == transformers_own(model)


@pytest.mark.parametrize("beams", [1, 3])
def test_cpu_without_bf16_searches_in_fp32_all_the_same(
    model: BartForConditionalGeneration, monkeypatch: pytest.MonkeyPatch, beams: int
) -> None:
    search_as(model, num_beams=beams)
    monkeypatch.setattr("trainer.projection._is_x86", lambda: False)
    found = generate(model, ROWS, batch=FittingBatch.of(4), precision=BF16)
    assert len(found) == len(ROWS)
