"""One look at a model: its loss as it would be alone, its scores, its samples."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch
from transformers import BartForConditionalGeneration

from config.schema import Configuration
from trainer.assess import Labelled, assess, mean_loss
from trainer.data import DataFiles, Example, read_examples
from trainer.device import Precision, has_amx
from trainer.encode import encoded
from trainer.generate import generate, generation_settings, special_ids
from trainer.micro_batch import FittingBatch
from trainer.model import load_model
from trainer.rouge import RougeScorer, Scores
from trainer.tokens import load_tokenizer

FP32 = Precision("fp32", "")


class RecordingScorer(RougeScorer):
    """Keeps what it was given to score."""

    def __init__(self) -> None:
        super().__init__("whitespace")
        self.calls: list[tuple[list[str], list[Sequence[str]]]] = []

    def score(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
        self.calls.append((list(predictions), list(references)))
        return super().score(predictions, references)


@pytest.fixture
def config(tiny_config: Callable[..., Configuration]) -> Configuration:
    return tiny_config()


@pytest.fixture
def labelled(config: Configuration, data_files: DataFiles) -> Labelled:
    examples = read_examples(data_files.dev, need_summary=True)
    tokenizer = load_tokenizer(config)
    split = encoded(config, examples, tokenizer=tokenizer, cache_dir=None)
    return Labelled(examples, split, tokenizer, RecordingScorer(), batch=FittingBatch.of(4))


@pytest.fixture
def model(config: Configuration, labelled: Labelled) -> BartForConditionalGeneration:
    model = load_model(config, labelled.tokenizer)
    model.generation_config = generation_settings(special_ids(model), config.generation)
    return model


def test_loss_is_the_models_own_on_each_pair_alone(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    """Without padding or batches, weighed by the summaries' tokens."""
    model.eval()
    total, tokens = 0.0, 0
    for index in range(len(labelled.split)):
        pair = labelled.split[index]
        labels = torch.tensor([pair["labels"]])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([pair["input_ids"]]), labels=labels).loss
        total += float(loss) * labels.numel()
        tokens += labels.numel()
    assert mean_loss(model, labelled, precision=FP32) == pytest.approx(total / tokens, rel=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_loss_and_scores_do_not_follow_from_the_batch(
    model: BartForConditionalGeneration, labelled: Labelled, batch: int
) -> None:
    expected = assess(model, labelled, precision=FP32)
    found = assess(model, replace(labelled, batch=FittingBatch.of(batch)), precision=FP32)
    assert found.loss == pytest.approx(expected.loss, rel=1e-5)
    assert found.scores == expected.scores


def test_untrained_model_is_about_as_good_as_even_odds(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    even = math.log(model.config.vocab_size)
    assert mean_loss(model, labelled, precision=FP32) == pytest.approx(even, rel=0.05)


def test_generated_summaries_are_scored_against_each_examples_own_references(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    found = assess(model, labelled, precision=FP32)
    [(predictions, references)] = labelled.scorer.calls
    ids = generate(model, labelled.split.input_ids, batch=FittingBatch.of(1), precision=FP32)
    texts = labelled.tokenizer.batch_decode(ids, skip_special_tokens=False)
    for text, prediction in zip(texts, predictions, strict=True):
        assert prediction in text
    assert references == [example.summaries for example in labelled.examples]
    assert found.scores == RougeScorer("whitespace").score(predictions, references)


def test_samples_are_spread_over_the_set_and_show_what_was_scored(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    found = assess(model, labelled, precision=FP32)
    [(predictions, _)] = labelled.scorer.calls
    assert [sample.fname for sample in found.samples] == [
        labelled.examples[index].fname for index in (0, 2, 4)
    ]
    assert [sample.prediction for sample in found.samples] == predictions[::2]
    assert found.samples[1].reference == labelled.examples[2].summaries[0]


def test_set_smaller_than_the_samples_shows_all_of_it(
    model: BartForConditionalGeneration, labelled: Labelled, config: Configuration
) -> None:
    few = [Example("one", "#Person1#: 오늘", ("요약",), None)]
    split = encoded(config, few, tokenizer=labelled.tokenizer, cache_dir=None)
    found = assess(model, replace(labelled, examples=few, split=split), precision=FP32)
    assert [sample.fname for sample in found.samples] == ["one"]


def test_model_whose_loss_is_no_number_is_not_made_to_generate(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    with torch.no_grad():
        model.model.shared.weight.fill_(math.nan)
    found = assess(model, labelled, precision=FP32)
    assert math.isnan(found.loss)
    assert (found.scores, found.samples) == (Scores(0.0, 0.0, 0.0, 0.0), ())
    assert labelled.scorer.calls == []


def test_looking_changes_nothing(model: BartForConditionalGeneration, labelled: Labelled) -> None:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.random.get_rng_state()
    model.train()
    first = assess(model, labelled, precision=FP32)
    assert not model.training  # dropout would make each look another one
    assert assess(model, labelled, precision=FP32) == first
    assert all(torch.equal(before[name], found) for name, found in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.skipif(not has_amx(), reason="this CPU does not multiply in bf16")
def test_mixed_precision_is_near_the_full_one(
    model: BartForConditionalGeneration, labelled: Labelled
) -> None:
    full = mean_loss(model, labelled, precision=FP32)
    mixed = mean_loss(model, labelled, precision=Precision("bf16", ""))
    assert mixed != full
    assert mixed == pytest.approx(full, rel=0.01)
