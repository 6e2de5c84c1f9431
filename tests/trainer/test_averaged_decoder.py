"""Models that search together: what transformers finds, given the mean of their logits."""

from collections.abc import Callable

import pytest
import torch
from transformers import BartForConditionalGeneration
from transformers.modeling_outputs import BaseModelOutput, Seq2SeqLMOutput

from config.schema import Configuration, Generation
from trainer.decoder import ROOM
from trainer.device import Precision
from trainer.generate import generate, generate_several, generation_settings, special_ids
from trainer.micro_batch import FittingBatch
from trainer.model import load_model
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
FP32 = Precision("fp32", "")
END = 1
ROWS = [[20 + number, *range(30, 33 + 5 * (number % 6)), END] for number in range(12)]
SHORTER = [[*row[:9], END] if len(row) > 10 else row for row in ROWS]


class Mean(torch.nn.Module):
    """A model with another beside it: its logits are the mean of theirs, computed anew each time.

    Nothing is kept between tokens, and the other reads its own version of the one text.
    """

    def __init__(
        self, models: list[BartForConditionalGeneration], sources: list[list[int]]
    ) -> None:
        super().__init__()
        self.models, self.sources = models, sources

    def __call__(self, *, decoder_input_ids: torch.Tensor, **_: object) -> Seq2SeqLMOutput:
        rows = len(decoder_input_ids)
        logits = [
            model.__class__.forward(
                model,
                input_ids=torch.tensor([source]).expand(rows, -1),
                decoder_input_ids=decoder_input_ids,
                use_cache=False,
            ).logits
            for model, source in zip(self.models, self.sources, strict=True)
        ]
        return Seq2SeqLMOutput(logits=torch.stack(logits).mean(dim=0))


def transformers_own(
    models: list[BartForConditionalGeneration],
    sources: list[list[list[int]]],
    monkeypatch: pytest.MonkeyPatch,
    count: int = 1,
) -> list[list[list[int]]]:
    """Each text alone, by transformers' `generate`, which sees one model."""
    first, found = models[0], []
    for number in range(len(sources[0])):
        each = [rows[number] for rows in sources]
        mean = Mean(models, each)
        with monkeypatch.context() as patched, torch.inference_mode():
            patched.setattr(type(first), "__call__", lambda _, mean=mean, **words: mean(**words))
            encoded = BaseModelOutput(
                last_hidden_state=first.model.encoder(torch.tensor([each[0]])).last_hidden_state
            )
            rows = first.generate(
                encoder_outputs=encoded, use_cache=False, num_return_sequences=count
            )
        found.append([row.tolist() for row in rows])
    return found


@pytest.fixture
def models(tiny_config: MakeConfig) -> list[BartForConditionalGeneration]:
    """Three of differing width and depth, each with a will of its own."""
    made = []
    for number, architecture in enumerate(
        ({}, {"d_model": 32}, {"decoder_layers": 2, "encoder_layers": 2})
    ):
        config = tiny_config(model={"architecture": architecture})
        model = load_model(config, load_tokenizer(config)).eval()
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
            model.final_logits_bias[0, END] = 1.0
        made.append(model)
    return made


def search_as(model: BartForConditionalGeneration, **wanted: object) -> None:
    settings = Generation.model_validate({"max_new_tokens": ROOM + 3, **wanted})
    model.generation_config = generation_settings(special_ids(model), settings)


def ours(
    models: list[BartForConditionalGeneration], sources: list[list[list[int]]], batch: int
) -> list[list[list[int]]]:
    return generate_several(models, sources, batch=FittingBatch.of(batch), precision=FP32)


@pytest.mark.parametrize(("beams", "ngram", "penalty"), [(1, 2, 1.0), (3, 2, 1.0), (4, 0, 2.0)])
def test_mean_of_logits_finds_what_transformers_finds(
    models: list[BartForConditionalGeneration],
    monkeypatch: pytest.MonkeyPatch,
    beams: int,
    ngram: int,
    penalty: float,
) -> None:
    search_as(models[0], num_beams=beams, no_repeat_ngram_size=ngram, length_penalty=penalty)
    sources = [ROWS, SHORTER, ROWS]
    expected = transformers_own(models, sources, monkeypatch)
    alone = generate(models[0], ROWS, batch=FittingBatch.of(12), precision=FP32)
    assert [each[0] for each in expected] != alone
    for batch in (12, 5):
        assert [each[:1] for each in ours(models, sources, batch)] == expected


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("times", [2, 3])
def test_one_model_several_times_is_that_model(
    models: list[BartForConditionalGeneration], beams: int, times: int
) -> None:
    search_as(models[1], num_beams=beams)
    alone = ours(models[1:2], [ROWS], 12)
    assert ours(models[1:2] * times, [ROWS] * times, 12) == alone


def test_every_beam_that_ended_is_given_best_first(
    models: list[BartForConditionalGeneration], monkeypatch: pytest.MonkeyPatch
) -> None:
    search_as(models[0], num_beams=3, no_repeat_ngram_size=2)
    pad = models[0].generation_config.pad_token_id
    expected = transformers_own(models[:1], [ROWS], monkeypatch, count=3)
    unpadded = [[trimmed(row, pad) for row in rows] for rows in expected]
    assert ours(models[:1], [ROWS], 5) == unpadded


def trimmed(row: list[int], pad: int) -> list[int]:
    while row[-1] == pad:
        row = row[:-1]
    return row


def test_a_model_that_holds_a_token_impossible_keeps_it_out(
    models: list[BartForConditionalGeneration],
) -> None:
    search_as(models[0], num_beams=2)
    used = {token for rows in ours(models[:1], [ROWS], 12) for token in rows[0][1:]} - {END}
    with torch.no_grad():
        models[2].final_logits_bias[0, list(used)] = -1e9
    found = ours([models[0], models[2]], [ROWS, ROWS], 12)
    assert not used & {token for rows in found for token in rows[0][1:]}
