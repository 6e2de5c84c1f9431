"""The training steps' share of the card's peak; only where there is a GPU."""

import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import torch

from benchmarks.trial.flops import Shape, measured_tflops, peak_tflops, training_flops
from benchmarks.trial.task import Task
from trainer.evaluation import Step
from trainer.fit import fit
from trainer.plan import plan_of

WARM_UP_STEPS = 5
At = tuple[int, float]
"""A step, and when it was done."""


class _Enough(Exception):
    """The epoch's steps are timed."""


def utilisation(task: Task) -> str:
    """Train the task's first epoch once more, time its steps alone, and say the share."""
    if not torch.cuda.is_available():
        return "model FLOPs utilisation: not measured, there is no GPU here"
    session, config = task.session, task.config
    split = session.train_split(config)
    shape = Shape.of(session.weights(config).model.config)
    epoch = training_flops(shape, split.input_ids.lengths, split.labels.lengths)
    plan = plan_of(config, len(split))
    at: list[At] = []

    def saw(step: Step) -> None:
        torch.cuda.synchronize()
        at.append((step.step, time.perf_counter()))
        if step.step == plan.steps_per_epoch:
            raise _Enough

    with suppress(_Enough):
        fit(config, lambda _: True, session=session, output_dir=task.folder / "steps", on_step=saw)
    seconds = step_seconds(at, set(plan.evaluate_after))
    if seconds is None:
        return f"model FLOPs utilisation: an epoch needs over {WARM_UP_STEPS} steps to be timed"
    tflops = epoch / plan.steps_per_epoch / seconds / 1e12
    return _told(tflops, torch.cuda.get_device_name(0))


def step_seconds(at: Sequence[At], evaluated: set[int]) -> float | None:
    """Return the mean seconds of a step, without those behind an evaluation and the first few.

    None where no others are left.
    """
    took = [
        moment - before
        for (_, before), (step, moment) in pairwise(at)
        if step > WARM_UP_STEPS and step - 1 not in evaluated
    ]
    return sum(took) / len(took) if took else None


def _told(tflops: float, card: str) -> str:
    measured = measured_tflops(torch.device("cuda", 0))
    words = f"model FLOPs in the training steps: {tflops:.1f} TFLOP/s on {card}"
    if peak := peak_tflops(card):
        words += f", {tflops / peak:.1%} of its bf16 peak of {peak:.0f}"
    return f"{words}, {tflops / measured:.1%} of the {measured:.0f} of a large product here"
