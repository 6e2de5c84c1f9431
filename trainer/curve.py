"""The evaluations of one training so far, which of them is best, and how long ago that was."""

from pathlib import Path

from trainer.evaluation import Evaluation
from trainer.rouge import Scores


class Curve:
    """A training's evaluations; its value is that of the best one, the first of equals.

    `best_index` counts from 0, and is -1 before the first evaluation.
    """

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.evaluations: tuple[Evaluation, ...] = ()
        self.best_index = -1

    @property
    def since_best(self) -> int:
        """How many evaluations have come after the best one."""
        return len(self.evaluations) - 1 - self.best_index

    @property
    def best_checkpoint(self) -> Path | None:
        """The best evaluation's model; None before the first, or where none could be written."""
        return self.evaluations[self.best_index].checkpoint if self.evaluations else None

    def leads(self, scores: Scores) -> bool:
        """Say whether these scores are better than all so far."""
        if not self.evaluations:
            return True
        best = self.evaluations[self.best_index].scores
        return scores.value(self.metric) > best.value(self.metric)

    def add(self, evaluation: Evaluation) -> None:
        """Take the next evaluation."""
        if self.leads(evaluation.scores):
            self.best_index = len(self.evaluations)
        self.evaluations = (*self.evaluations, evaluation)

    def amend(self, evaluation: Evaluation) -> None:
        """Put this in the last evaluation's place; its scores are the same."""
        self.evaluations = (*self.evaluations[:-1], evaluation)
