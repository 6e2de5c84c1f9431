"""Where a training stands when it is to be evaluated."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What an evaluation is told of the training."""

    step: int
    epoch: float
    train_loss: float  # mean per token since the evaluation before
    learning_rate: float  # of the last step taken


def mean(losses: Sequence[float]) -> float:
    """Return the mean of the steps' losses."""
    return math.fsum(losses) / len(losses)
