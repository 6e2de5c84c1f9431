"""How long a training is, in optimizer steps, and when it is evaluated."""

import math
from dataclasses import dataclass

from config.schema import Configuration
from trainer.errors import TrainerError


@dataclass(frozen=True)
class Plan:
    """How many optimizer steps a training takes, and after which of them it is evaluated."""

    steps_per_epoch: int
    total_steps: int
    evaluate_after: tuple[int, ...]

    def due(self, step: int) -> int:
        """Return how many evaluations there are up to this step."""
        return sum(after <= step for after in self.evaluate_after)


def plan_of(config: Configuration, examples: int) -> Plan:
    """Return the plan for a training set of that many examples.

    Evaluation k of E in an epoch comes after k/E of its steps, rounded; the last at its end.
    """
    training = config.training
    batches = math.ceil(examples / training.per_device_train_batch_size)
    steps = math.ceil(batches / training.gradient_accumulation_steps)
    per_epoch = training.evaluations_per_epoch
    if per_epoch > steps:
        raise TrainerError(
            f"training.evaluations_per_epoch is {per_epoch} but an epoch has only {steps} "
            "optimizer steps; lower it, or the batch size"
        )
    after = tuple(
        epoch * steps + (2 * number * steps + per_epoch) // (2 * per_epoch)
        for epoch in range(training.num_train_epochs)
        for number in range(1, per_epoch + 1)
    )
    return Plan(steps, steps * training.num_train_epochs, after)
