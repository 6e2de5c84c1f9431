"""What follows the steps of a training: their loss, their end, and when an evaluation is due."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from typing_extensions import override  # Python 3.11's typing has none

from trainer.divergence import Divergence
from trainer.evaluation import Step
from trainer.plan import Plan


class Watch(TrainerCallback):
    """Follows the steps: their loss, their end, and whether an evaluation is due."""

    def __init__(
        self, plan: Plan, on_step: Callable[[Step], None] | None, divergence: Divergence
    ) -> None:
        self.plan = plan
        self.divergence = divergence
        self.on_step = on_step
        self.learning_rate = 0.0
        self._due = frozenset(plan.evaluate_after)
        self._micro: list[torch.Tensor] = []
        self._losses: list[float] = []

    @property
    def between_updates(self) -> bool:
        """Whether no batch of the next update has been seen yet."""
        return not self._micro

    def saw(self, losses: list[torch.Tensor]) -> None:
        """Take the shares of the update's loss of all its batches so far, still on the device."""
        self._micro = losses

    @property
    def losses(self) -> tuple[float, ...]:
        """The losses of the steps since the last evaluation."""
        return tuple(self._losses)

    def begin_anew(self, losses: Sequence[float] = ()) -> None:
        """Forget the losses, behind an evaluation; or take up those of an earlier attempt."""
        self._losses = list(losses)

    @override
    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Read the step's loss, before it can spoil the weights."""
        loss = float(torch.stack(self._micro).sum())
        self._micro.clear()
        self._losses.append(loss)
        self.divergence.check_updates(self._losses, step=state.global_step + 1)
        self.learning_rate = float(kwargs["optimizer"].param_groups[0]["lr"])

    @override
    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Tell the step, and ask for an evaluation where one is due."""
        step = state.global_step
        if self.on_step is not None:
            self.on_step(Step(step, self.plan.total_steps, state.epoch or 0.0, self._losses[-1]))
        control.should_evaluate = step in self._due
        return control
