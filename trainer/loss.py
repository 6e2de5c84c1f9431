"""Cross-entropy per target token: smoothed for training, plain for comparing trials.

Only the positions that have a target go through the projection onto the vocabulary: with KoBART's
30,000 tokens that product is most of a small model's work, and half the positions are padding.
"""

import torch
from torch.nn import functional

from trainer.batches import IGNORED_LABEL
from trainer.fused_loss import fused_loss
from trainer.objective import Objective
from trainer.projection import Projection
from trainer.rdrop_loss import rdrop_loss


def summed_loss(
    hidden: torch.Tensor,
    labels: torch.Tensor,
    projection: Projection,
    smoothing: float = 0.0,
    *,
    tokens: torch.Tensor | int = 1,
) -> torch.Tensor:
    """Return the cross-entropy summed over the targets, divided by `tokens`.

    hidden: (batch, length, width), the decoder's last states. labels: (batch, length), -100 for
    padding.
    """
    kept = labels != IGNORED_LABEL
    states, targets = hidden[kept], labels[kept]
    if states.device.type == "cpu" and states.dtype == projection.weight.dtype == torch.float32:
        return fused_loss(states, projection, targets, smoothing=smoothing, scale=1 / int(tokens))
    logits = functional.linear(states, projection.weight, projection.bias)
    summed = functional.cross_entropy(
        logits.float(), targets, label_smoothing=smoothing, reduction="sum"
    )
    return summed / tokens


class TrainingLoss:
    """What the training minimizes: the smoothed loss per target token of the whole update.

    Divided by the tokens of all its micro-batches together, so that accumulation changes nothing.
    """

    def __init__(self, projection: Projection, objective: Objective) -> None:
        self.projection = projection
        self.objective = objective

    def __call__(
        self,
        hidden: torch.Tensor,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return the loss; shapes as in `summed_loss`."""
        return summed_loss(
            hidden,
            labels,
            self.projection,
            self.objective.label_smoothing,
            tokens=_tokens(labels, num_items_in_batch),
        )

    def of_both(
        self,
        hidden: torch.Tensor,
        again: torch.Tensor,
        labels: torch.Tensor,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Return R-Drop's loss for the states of two passes under different dropout."""
        kept = labels != IGNORED_LABEL
        with self.projection.products():
            summed = rdrop_loss(
                (hidden[kept], again[kept]),
                labels[kept],
                weight=self.projection.weight,
                bias=self.projection.bias,
                smoothing=self.objective.label_smoothing,
                alpha=self.objective.rdrop_alpha,
            )
        return summed / _tokens(labels, num_items_in_batch)


def _tokens(labels: torch.Tensor, counted: torch.Tensor | int | None) -> torch.Tensor | int:
    return (labels != IGNORED_LABEL).sum() if counted is None else counted
