"""One look at a model: its loss and its generated summaries on a labelled set."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import BartForConditionalGeneration
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from trainer.attention import attention_of_any_shape, padding_mask
from trainer.batches import IGNORED_LABEL, by_length
from trainer.data import Example
from trainer.device import Precision
from trainer.encode import EncodedSplit
from trainer.evaluation import Sample
from trainer.generate import generate, padding_of
from trainer.loss import summed_loss
from trainer.micro_batch import FittingBatch, in_pieces
from trainer.projection import Projection
from trainer.rouge import RougeScorer, Scores
from trainer.tokens import decode_all

SAMPLES = 3


@dataclass(frozen=True)
class Labelled:
    """A set to score models on: its examples, the same encoded, and how it is scored."""

    examples: Sequence[Example]
    split: EncodedSplit
    tokenizer: PreTrainedTokenizerBase
    scorer: RougeScorer
    batch: FittingBatch


@dataclass(frozen=True)
class Assessment:
    """What was found: ROUGE, loss per target token (not smoothed), a few summaries."""

    scores: Scores
    loss: float
    samples: tuple[Sample, ...]


def assess(
    model: BartForConditionalGeneration,
    labelled: Labelled,
    *,
    precision: Precision,
    poll: Callable[[], None] = lambda: None,
) -> Assessment:
    """Score the model; where its loss is no longer finite, nothing else is looked at.

    `poll` is called before each batch, and may raise to end it.
    """
    model.train(mode=False)
    loss = mean_loss(model, labelled, precision=precision, poll=poll)
    if not math.isfinite(loss):
        return Assessment(Scores(0.0, 0.0, 0.0, 0.0), loss, ())
    ids = generate(
        model,
        labelled.split.input_ids,
        batch=labelled.batch,
        precision=precision,
        poll=poll,
    )
    predictions = decode_all(labelled.tokenizer, ids)
    references = [example.summaries for example in labelled.examples]
    scores = labelled.scorer.score(predictions, references)
    return Assessment(scores, loss, _samples(labelled.examples, predictions))


@torch.no_grad()
def mean_loss(
    model: BartForConditionalGeneration,
    labelled: Labelled,
    *,
    precision: Precision,
    poll: Callable[[], None] = lambda: None,
) -> float:
    """Return the cross-entropy per target token, each token given the true ones before it."""
    split = labelled.split
    padding = padding_of(model)
    projection = Projection.of(model, precision)
    losses: list[torch.Tensor] = []
    tokens = 0

    def run(indices: Sequence[int]) -> None:
        nonlocal tokens
        batch = padding([split[index] for index in indices])
        labels = batch.pop("labels")
        inputs = {name: tensor.to(model.device) for name, tensor in batch.items()}
        mask = padding_mask(inputs.pop("attention_mask"))
        body = model.model(**inputs, attention_mask=mask, use_cache=False)
        hidden = body.last_hidden_state
        losses.append(summed_loss(hidden, labels.to(model.device), projection))
        tokens += int((labels != IGNORED_LABEL).sum())

    with precision.autocast(model.device), attention_of_any_shape():
        for indices in by_length(split.input_ids.lengths, batch=labelled.batch.load.wanted):
            poll()
            in_pieces(labelled.batch, indices, run)
    return float(sum(losses)) / tokens


def _samples(examples: Sequence[Example], predictions: Sequence[str]) -> tuple[Sample, ...]:
    """Return a few, evenly spread and the same at every evaluation."""
    count = min(SAMPLES, len(examples))
    chosen = [number * len(examples) // count for number in range(count)]
    return tuple(
        Sample(examples[index].fname, predictions[index], examples[index].summaries[0])
        for index in chosen
    )
