"""What a training tells while it runs and when it ends."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from trainer.rouge import Scores

Ended = Literal["finished", "early_stopping", "stopped"]


@dataclass(frozen=True)
class Step:
    """One optimizer step that was just taken: its number from 1, and its mean loss per token."""

    step: int
    total_steps: int
    epoch: float
    loss: float


@dataclass(frozen=True)
class Sample:
    """A predicted summary beside its first reference."""

    fname: str
    prediction: str
    reference: str


@dataclass(frozen=True)
class Evaluation:
    """One evaluation on the dev set.

    `step` counts evaluations from 1. `train_loss` is the mean since the evaluation before, as it
    was minimized; `eval_loss` is per token without label smoothing. `seconds` counts from the
    training's start. `checkpoint` is this evaluation's model, or the best so far where this one
    was not good enough to be kept; None where that could not be written, or, of a replayed one,
    is no longer kept. `replayed` is True where it comes from an attempt before this
    one, which may have told of it already.
    """

    step: int
    epoch: float
    scores: Scores
    train_loss: float
    eval_loss: float
    learning_rate: float
    seconds: float
    samples: tuple[Sample, ...]
    is_best: bool
    checkpoint: Path | None
    replayed: bool = False

    def as_mapping(self) -> dict[str, float]:
        """Return the numbers alone, as files and databases keep them; seconds to the millisecond.

        The keys: step, epoch, the four scores, train_loss, eval_loss, learning_rate, seconds.
        """
        return {
            "step": self.step,
            "epoch": self.epoch,
            **asdict(self.scores),
            "train_loss": self.train_loss,
            "eval_loss": self.eval_loss,
            "learning_rate": self.learning_rate,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class FitResult:
    """A training that ended by itself.

    `ended` is "stopped" when `on_evaluation` said so. `checkpoint` is the best model's folder; None
    where a full disk did not take that model. `earlier` is what attempts before this one ran on, in
    words, where that differs: then no other training reaches the score to the last digit.
    `micro_batches` says how many examples went through the model at once, by the update from which
    on they did.
    """

    evaluations: tuple[Evaluation, ...]
    best: Evaluation
    ended: Ended
    checkpoint: Path | None
    seconds: float
    device: str
    precision: str
    precision_reason: str
    threads: int
    earlier: tuple[str, ...] = ()
    micro_batches: Mapping[int, int] = field(default_factory=dict)
