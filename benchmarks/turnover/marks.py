"""When a training ended, began and stepped: noted alike in our process and in each peer's.

`end` is when the last evaluation of a trial is told, `begin` when the first training batch reaches
the model, `step` when the optimizer has stepped. Times are of the monotonic clock, which processes
share, and of the process's own CPU time, which a loaded machine hardly changes. A step on a card
counts when the card has done it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.hooks import RemovableHandle
from transformers import BartModel

from trainer.device import cuda_in_use


@dataclass(frozen=True)
class Mark:
    """One event: `at` in seconds of the monotonic clock, `cpu` in seconds of this process."""

    what: str
    at: float
    cpu: float


@dataclass(frozen=True)
class Turnover:
    """Seconds from a trial's end until the next one's first batch, and until its first step."""

    begin: float
    step: float
    cpu: float


class Marks:
    """The events of one process, in order."""

    def __init__(self, on_mark: Callable[[Mark], None] | None = None) -> None:
        self.noted: list[Mark] = []
        self._on_mark = on_mark

    def note(self, what: str) -> None:
        """Note an event now."""
        mark = Mark(what, time.monotonic(), time.process_time())
        self.noted.append(mark)
        if self._on_mark is not None:
            self._on_mark(mark)

    def first(self, what: str) -> Mark:
        """Return the first event of a kind."""
        return next(mark for mark in self.noted if mark.what == what)

    def last(self, what: str) -> Mark:
        """Return the last event of a kind."""
        return next(mark for mark in reversed(self.noted) if mark.what == what)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note every batch in training and every optimizer step, whoever drives them."""
        hooks = self.attach()
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def attach(self) -> tuple[RemovableHandle, ...]:
        """Begin to note; what is returned ends it."""
        return (
            register_module_forward_pre_hook(self._before_forward),
            register_optimizer_step_post_hook(self._after_step),
        )

    def _before_forward(self, module: torch.nn.Module, _inputs: Any) -> None:
        if module.training and isinstance(module, BartModel):
            self.note("begin")

    def _after_step(self, *_: Any) -> None:
        if cuda_in_use():
            torch.cuda.synchronize()
        self.note("step")


def turnovers(marks: Sequence[Mark]) -> list[Turnover]:
    """Return one turnover for each end that another training follows.

    Of several ends in a row the last counts: the others are evaluations within a training.
    """
    found = []
    for index, mark in enumerate(marks[:-2]):
        begin = marks[index + 1]
        if mark.what == "end" and begin.what == "begin":
            step = next((each for each in marks[index + 1 :] if each.what == "step"), None)
            if step is not None:
                cpu = step.cpu - mark.cpu
                found.append(Turnover(begin.at - mark.at, step.at - mark.at, cpu))
    return found
