"""What a worker shows while it works: one line an event, and on a terminal a live step line."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from config.counting import counted

STEP_LINE_EVERY = 5
"""Optimizer steps between two updates of the live line."""


def short(value: object) -> str:
    """A parameter as people write it: 2.3e-05 for 0.0000230001, other values as they are."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def parameters(params: Mapping[str, object]) -> str:
    """`learning_rate 2.3e-05, num_train_epochs 6`: the last part of each dotted field."""
    return ", ".join(f"{name.rsplit('.', 1)[-1]} {short(v)}" for name, v in params.items())


class Progress:
    """Prints a worker's events; `metric` is the name of the value shown."""

    def __init__(self, console: Console, *, metric: str) -> None:
        self._console = console
        self._metric = metric
        self._trial: int | None = None
        self._best: tuple[float, int | None] | None = None
        self._live: Status | None = None
        self._waiting = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = self._console.status("starting")
            self._live.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._live is not None:
            self._live.stop()

    def say(self, text: str, *, style: str | None = None) -> None:
        """Print one line of plain text."""
        with suppress(OSError):  # a terminal that is gone must not fail the trial
            self._console.print(escape(text), style=style, highlight=False, soft_wrap=True)

    def started(self, number: int, params: Mapping[str, object]) -> None:
        """Say that a trial starts."""
        self._trial = number
        self.say(f"trial {number} starts: {parameters(params)}", style="bold")

    def continued(self, number: int, params: Mapping[str, object], *, epoch: float) -> None:
        """Say that a trial that another worker left goes on, `epoch` epochs after its start."""
        self._trial = number
        where = f"at epoch {epoch:.3g}" if epoch else "from its start, no checkpoint is here"
        self.say(f"trial {number} continues {where}: {parameters(params)}", style="bold")

    def stepped(self, step: int, total: int, loss: float) -> None:
        """Show an optimizer step on the live line; nothing where there is no terminal."""
        if self._live is not None and (step % STEP_LINE_EVERY == 0 or step == total):
            trial = "" if self._trial is None else f"trial {self._trial}  "
            self._live.update(f"{trial}step {step}/{total}  loss {loss:.3f}")

    def evaluated(self, epoch: float, epochs: int, value: float, loss: float) -> None:
        """Say what an evaluation found, beside the study's best so far."""
        trial = "" if self._trial is None else f"trial {self._trial}  "
        self.say(
            f"  {trial}epoch {epoch:g}/{epochs}  {self._metric} {value:.4f}"
            f"  loss {loss:.3f}  best {self._best_so_far()}"
        )

    def made_up(self, epoch: float, value: float) -> None:
        """Say that an evaluation is reported for the worker that did it."""
        self.say(
            f"  trial {self._trial}  reported from the checkpoint: epoch {epoch:g},"
            f" {self._metric} {value:.4f}"
        )

    def _best_so_far(self) -> str:
        if self._best is None:
            return "none yet"
        value, number = self._best
        return f"{value:.4f}" if number is None else f"{value:.4f} (trial {number})"

    def best(self, value: float, number: int | None) -> None:
        """Remember the best so far for the lines to come; `number` None outside a study."""
        self._best = (value, number)

    def completed(self, value: float, epoch: float, *, early: bool) -> None:
        """Say that a trial completed, and whether early stopping ended it."""
        why = ", stopped early: no further gain" if early else ""
        leads = self._best is None or value >= self._best[0]
        self.say(
            f"trial {self._trial} completed: {value:.4f} at epoch {epoch:g}{why}",
            style="green" if leads else None,
        )
        self._trial = None

    def pruned(self, reason: str) -> None:
        """Say which rule pruned a trial."""
        self.say(f"trial {self._trial} pruned by {reason}", style="yellow")
        self._trial = None

    def infeasible(self, reason: str) -> None:
        """Say that a trial's settings cannot be trained, and why."""
        self.say(f"trial {self._trial} infeasible: {reason}", style="yellow")
        self._trial = None

    def failed(self, number: int, error: str) -> None:
        """Say that a trial failed, and with what."""
        self.say(f"trial {number} failed: {error}", style="red")

    def left(self) -> None:
        """Say that the trial under way goes to the next worker."""
        trial = "the trial" if self._trial is None else f"trial {self._trial}"
        self.say(f"{trial} left as it stands; the next worker continues it")

    def lost(self) -> None:
        """Say that another worker has taken the trial over."""
        self.say(
            "the trial was dropped: its lease ran out and another worker has it now"
            if self._trial is None
            else f"trial {self._trial} dropped: its lease ran out and another worker has it now"
        )
        self._trial = None

    def waiting(self, running: int) -> None:
        """Say once that the budget is taken while other workers still train."""
        if not self._waiting:
            self.say(
                f"every trial is taken; waiting for {counted(running, 'trial')} of other workers,"
                " to take over if one dies (Ctrl-C leaves, --no-wait never waits)"
            )
        self._waiting = True
