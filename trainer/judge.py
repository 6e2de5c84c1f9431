"""What is made of each evaluation: a score, perhaps a kept model, and whether to go on."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError
from transformers import BartForConditionalGeneration

from config.load import dump
from config.schema import Configuration
from trainer.assess import Assessment, Labelled, assess
from trainer.checkpoint import Checkpoints, write_model
from trainer.curve import Curve
from trainer.device import Precision
from trainer.divergence import Divergence
from trainer.errors import first_line
from trainer.evaluation import Ended, Evaluation
from trainer.progress import Progress
from trainer.resume import Resume
from trainer.rng import rng_untouched
from trainer.scores import write_scores
from trainer.snapshot import Snapshot

log = logging.getLogger(__name__)


@dataclass
class Judge:
    """Scores the model at each evaluation, keeps the good ones, and decides whether to go on.

    `poll` is called between the batches of an evaluation, and may raise to leave it.
    """

    config: Configuration
    model: BartForConditionalGeneration
    labelled: Labelled
    precision: Precision
    divergence: Divergence
    curve: Curve
    checkpoints: Checkpoints
    resume: Resume
    on_evaluation: Callable[[Evaluation], bool]
    poll: Callable[[], None]
    started: float  # time.monotonic(), less what earlier attempts took
    ended: Ended = "finished"

    def __call__(self, progress: Progress, snapshot: Callable[[], Snapshot]) -> bool:
        """Take one evaluation; False ends the training.

        `snapshot` gives what the next step follows from.
        """
        with rng_untouched():  # so that a stop during the evaluation costs nothing
            found = assess(self.model, self.labelled, precision=self.precision, poll=self.poll)
        self.divergence.check_evaluation(found.loss, step=progress.step)
        value = found.scores.value(self.config.metric.name)
        admitted = self.checkpoints.admits(value)
        evaluation = self._evaluation(progress, found, admitted=admitted)
        self.curve.add(evaluation)
        if admitted and not self._kept(evaluation, value):
            evaluation = replace(evaluation, checkpoint=None)
            self.curve.amend(evaluation)
        self._write_scores()
        self.save(snapshot().evaluated())
        return self._goes_on(evaluation)

    def replay(self, evaluations: Sequence[Evaluation]) -> bool:
        """Take the evaluations of an earlier attempt; False: the training ended at one of them."""
        for evaluation in evaluations:
            self.curve.add(evaluation)
            if not self._goes_on(evaluation):
                break
        if evaluations:
            self._write_scores()
        return self.ended == "finished"

    def save(self, snapshot: Snapshot) -> None:
        """Save where the training is."""
        seconds = time.monotonic() - self.started
        self.resume.save(snapshot, self.curve.evaluations, seconds=seconds)

    def _evaluation(self, progress: Progress, found: Assessment, *, admitted: bool) -> Evaluation:
        number = len(self.curve.evaluations) + 1
        is_best = self.curve.leads(found.scores)
        return Evaluation(
            step=number,
            epoch=progress.epoch,
            scores=found.scores,
            train_loss=progress.train_loss,
            eval_loss=found.loss,
            learning_rate=progress.learning_rate,
            seconds=time.monotonic() - self.started,
            samples=found.samples,
            is_best=is_best,
            checkpoint=self.checkpoints.place(number) if admitted else self.curve.best_checkpoint,
        )

    def _goes_on(self, evaluation: Evaluation) -> bool:
        patience = self.config.training.early_stopping_patience
        with rng_untouched():
            told_to_stop = not self.on_evaluation(evaluation)
        if told_to_stop:
            self.ended = "stopped"
        elif patience is not None and self.curve.since_best >= patience:
            self.ended = "early_stopping"
        return self.ended == "finished"

    def _kept(self, evaluation: Evaluation, value: float) -> bool:
        """Write the model; False, and a warning, where the disk does not take it."""
        try:
            self.checkpoints.keep(evaluation.step, value, self._write)
        except (OSError, SafetensorError) as error:
            if self.checkpoints.guard.refused(error):
                raise
            log.warning(
                "the model of evaluation %d cannot be written to %s (%s): the training goes on "
                "without it; free some space",
                evaluation.step,
                self.checkpoints.folder,
                first_line(error),
            )
            return False
        return True

    def _write_scores(self) -> None:
        self.checkpoints.guard()
        try:
            write_scores(self.checkpoints.folder, self.curve)
        except OSError as error:
            log.warning(
                "the scores cannot be written to %s (%s); free some space",
                self.checkpoints.folder,
                first_line(error),
            )

    def _write(self, folder: Path) -> None:
        write_model(
            folder,
            model=self.model,
            tokenizer=self.labelled.tokenizer,
            settings=dump(self.config),
        )
        write_scores(folder, self.curve)
