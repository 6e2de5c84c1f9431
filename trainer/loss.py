"""Cross-entropy per target token: smoothed for training, plain for comparing trials.

Only the positions that have a target go through the projection onto the vocabulary: with KoBART's
30,000 tokens that product is most of a small model's work, and half the positions are padding.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional
from transformers import BartForConditionalGeneration

from trainer.batches import IGNORED_LABEL
from trainer.fused_loss import fused_loss


@dataclass(frozen=True)
class Projection:
    """From hidden states to logits; weight: (vocabulary, width), bias: (vocabulary,)."""

    weight: torch.Tensor
    bias: torch.Tensor

    @classmethod
    def of(cls, model: BartForConditionalGeneration) -> "Projection":
        """Return the model's own."""
        return cls(model.lm_head.weight, model.final_logits_bias[0])


def summed_loss(
    hidden: torch.Tensor, labels: torch.Tensor, projection: Projection, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the cross-entropy summed over the targets.

    hidden: (batch, length, width), the decoder's last states. labels: (batch, length), -100 for
    padding.
    """
    kept = labels != IGNORED_LABEL
    states, targets = hidden[kept], labels[kept]
    if states.device.type == "cpu" and states.dtype == projection.weight.dtype == torch.float32:
        return fused_loss(states, projection.weight, projection.bias, targets, smoothing)
    logits = functional.linear(states, projection.weight, projection.bias)
    return functional.cross_entropy(
        logits.float(), targets, label_smoothing=smoothing, reduction="sum"
    )


class TrainingLoss:
    """What the training minimizes: the smoothed loss per target token of the whole update.

    Divided by the tokens of all its micro-batches together, so that accumulation changes nothing.
    """

    def __init__(self, projection: Projection, smoothing: float) -> None:
        self.projection = projection
        self.smoothing = smoothing

    def __call__(
        self,
        hidden: torch.Tensor,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss; shapes as in `summed_loss`."""
        tokens = num_items_in_batch
        if tokens is None:
            tokens = (labels != IGNORED_LABEL).sum()
        return summed_loss(hidden, labels, self.projection, self.smoothing) / tokens
