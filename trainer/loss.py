"""Cross-entropy per target token: smoothed for training, plain for comparing trials."""

import torch
from torch.nn import functional
from transformers.modeling_outputs import Seq2SeqLMOutput

from trainer.batches import IGNORED_LABEL


def summed_loss(logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Return the cross-entropy summed over the targets (logits: batch, length, vocabulary)."""
    return functional.cross_entropy(
        logits.flatten(0, 1),
        labels.flatten(),
        ignore_index=IGNORED_LABEL,
        label_smoothing=smoothing,
        reduction="sum",
    )


class TrainingLoss:
    """What the training minimizes: the smoothed loss per target token of the whole update.

    Divided by the tokens of all its micro-batches together, so that accumulation changes nothing.
    """

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing

    def __call__(
        self,
        outputs: Seq2SeqLMOutput,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss as the Trainer asks for it; labels: (batch, length), -100 for padding."""
        if outputs.logits is None:
            raise TypeError("the model returned no logits")
        tokens = num_items_in_batch
        if tokens is None:
            tokens = (labels != IGNORED_LABEL).sum()
        return summed_loss(outputs.logits, labels, self.smoothing) / tokens
