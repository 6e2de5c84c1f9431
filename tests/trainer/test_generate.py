"""Generation: the checkpoint's own special ids, the configured search, the rows' order."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import BartForConditionalGeneration, GenerationConfig

from config.schema import Configuration, Generation
from trainer.device import Precision
from trainer.errors import TrainerError
from trainer.generate import generate, generation_settings, padding_of, special_ids
from trainer.micro_batch import FittingBatch
from trainer.model import load_model
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]
FP32 = Precision("fp32", "")


@pytest.fixture
def model(tiny_config: MakeConfig) -> BartForConditionalGeneration:
    config = tiny_config()
    model = load_model(config, load_tokenizer(config))
    model.generation_config = generation_settings(special_ids(model), config.generation)
    return model


def test_rows_keep_their_order_whatever_the_batch(model: BartForConditionalGeneration) -> None:
    model.generation_config.no_repeat_ngram_size = 2
    rows = [[20 + number] * (3 + 7 * (number % 4)) + [1] for number in range(9)]
    alone = [generate(model, [row], batch=FittingBatch.of(1), precision=FP32)[0] for row in rows]
    together = generate(model, rows, batch=FittingBatch.of(4), precision=FP32)
    pad = model.generation_config.pad_token_id
    assert [trimmed(row, pad) for row in together] == [trimmed(row, pad) for row in alone]
    assert not model.training


def trimmed(row: list[int], pad: int) -> list[int]:
    return row[: next((i for i, token in enumerate(row) if token == pad), len(row))]


def test_batches_run_from_the_longest_row_to_the_shortest(
    model: BartForConditionalGeneration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that memory runs out in the first batch or never, and little is padding."""
    shapes: list[tuple[int, ...]] = []
    encode = model.model.encoder.forward

    def watched(input_ids: torch.Tensor, attention_mask: torch.Tensor | None) -> object:
        shapes.append(tuple(input_ids.shape))
        assert attention_mask is None or attention_mask.isfinite().any(dim=-1).all()
        return encode(input_ids=input_ids, attention_mask=attention_mask)

    monkeypatch.setattr(model.model.encoder, "forward", watched)
    generate(
        model,
        [[9] * length for length in (3, 40, 8, 17, 30)],
        batch=FittingBatch.of(2),
        precision=FP32,
    )
    assert shapes == [(2, 40), (1, 24), (2, 8)]


def test_nothing_to_summarize_gives_nothing(model: BartForConditionalGeneration) -> None:
    assert generate(model, [], batch=FittingBatch.of(4), precision=FP32) == []


def test_row_of_the_end_token_alone_is_no_error(model: BartForConditionalGeneration) -> None:
    """What cleaning leaves of a dialogue may be nothing."""
    [row] = generate(model, [[1]], batch=FittingBatch.of(4), precision=FP32)
    assert row[0] == 2


@pytest.mark.parametrize("beams", [1, 3])
def test_search_is_transformers_own(model: BartForConditionalGeneration, beams: int) -> None:
    wanted = Generation(num_beams=beams, length_penalty=0.7, no_repeat_ngram_size=2)
    model.generation_config = generation_settings(special_ids(model), wanted)
    row = [20, 21, 22, 23, 1]
    expected = model.eval().generate(
        torch.tensor([row]),
        num_beams=beams,
        no_repeat_ngram_size=2,
        max_new_tokens=wanted.max_new_tokens,
        **({"length_penalty": 0.7} if beams > 1 else {}),
    )
    assert generate(model, [row], batch=FittingBatch.of(1), precision=FP32) == expected.tolist()


@pytest.mark.parametrize("start", [1, 2])
@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_decoder_start_is_the_checkpoints(
    tiny_config: MakeConfig, tiny_model: Path, tmp_path: Path, start: int, file: str
) -> None:
    """KoBART checkpoints begin with </s> (1) or with <usr> (2), and say so in either file."""
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    if file == "config.json":
        (folder / "generation_config.json").unlink()
    settings = json.loads((folder / file).read_text(encoding="utf-8"))
    settings["decoder_start_token_id"] = start
    (folder / file).write_text(json.dumps(settings), encoding="utf-8")
    config = tiny_config(model={"name": str(folder)})
    model = load_model(config, load_tokenizer(config))
    model.generation_config = generation_settings(special_ids(model), config.generation)
    [row] = generate(model, [[20, 21, 1]], batch=FittingBatch.of(1), precision=FP32)
    assert row[0] == start
    pair = {"input_ids": [20, 1], "labels": [21, 1]}
    assert padding_of(model)([pair])["decoder_input_ids"][0, :2].tolist() == [start, 21]


def test_last_token_within_the_limit_is_the_checkpoints_forced_end(
    model: BartForConditionalGeneration,
) -> None:
    model.generation_config.max_new_tokens = 4
    [row] = generate(model, [[20, 21, 1]], batch=FittingBatch.of(1), precision=FP32)
    assert len(row) == 5
    assert row[-1] == 1


def test_summaries_begin_with_the_decoder_start_and_keep_the_limit(
    model: BartForConditionalGeneration,
) -> None:
    model.generation_config.decoder_start_token_id = 4
    model.generation_config.max_new_tokens = 5
    [row] = generate(model, [[10, 11, 1]], batch=FittingBatch.of(1), precision=FP32)
    assert row[0] == 4
    assert len(row) <= 6


def test_ids_of_the_generation_config_go_before_those_of_the_model(
    model: BartForConditionalGeneration,
) -> None:
    model.config.decoder_start_token_id = 0
    assert special_ids(model)["decoder_start_token_id"] == 2
    model.generation_config = GenerationConfig(pad_token_id=3)
    assert special_ids(model)["decoder_start_token_id"] == 0


def test_model_without_a_decoder_start_is_refused(model: BartForConditionalGeneration) -> None:
    model.generation_config = GenerationConfig(pad_token_id=3)
    model.config.decoder_start_token_id = None
    with pytest.raises(TrainerError, match="names no decoder_start_token_id"):
        special_ids(model)


@pytest.mark.parametrize("beams", [1, 4])
def test_settings_can_be_saved_with_any_number_of_beams(
    model: BartForConditionalGeneration, beams: int
) -> None:
    wanted = Generation(num_beams=beams, length_penalty=1.4, no_repeat_ngram_size=3)
    settings = generation_settings(special_ids(model), wanted)
    settings.validate(strict=True)
    assert settings.num_beams == beams
    assert settings.length_penalty == (1.4 if beams > 1 else 1.0)
    assert settings.no_repeat_ngram_size == 3


def test_beams_can_be_replaced(model: BartForConditionalGeneration) -> None:
    assert generation_settings(special_ids(model), Generation(), num_beams=7).num_beams == 7


def test_padding_has_the_settings_ids(model: BartForConditionalGeneration) -> None:
    padding = padding_of(model)
    assert (padding.pad, padding.decoder_start, padding.positions) == (3, 2, 256)
