"""One training from a configuration to a kept model, with a callback after each evaluation.

It knows nothing of a search: pruning, leases and mirrors are built on `on_evaluation` alone.
"""

import gc
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate.state import (  # type: ignore[import-untyped]
    AcceleratorState,
    GradientState,
)
from transformers import BartForConditionalGeneration

from config.load import dump
from config.schema import Configuration
from trainer.assess import Assessment, Labelled, assess
from trainer.checkpoint import Checkpoints, write_model
from trainer.curve import Curve
from trainer.device import Precision, cpu_threads, device_name, pick_device, pick_precision
from trainer.device_errors import device_errors_named
from trainer.errors import TrainingDiverged
from trainer.evaluation import Ended, Evaluation, FitResult, Step
from trainer.generate import generation_settings, padding_of
from trainer.loop import Loop, Progress, Watch, arguments_of, plan_of
from trainer.micro_batch import (
    FittingBatch,
    InProcess,
    MicroBatches,
    evaluation_load,
    training_load,
)
from trainer.model import check_lengths, set_activation_checkpointing
from trainer.resume_store import ResumeStore
from trainer.scores import write_scores
from trainer.session import TrainingSession

log = logging.getLogger(__name__)

OnEvaluation = Callable[[Evaluation], bool]
OnStep = Callable[[Step], None]
BeforeWrite = Callable[[], None]


def fit(
    config: Configuration,
    on_evaluation: OnEvaluation,
    *,
    session: TrainingSession,
    output_dir: Path,
    on_step: OnStep | None = None,
    resume: ResumeStore | None = None,  # noqa: ARG001
    before_write: BeforeWrite | None = None,
    micro_batches: MicroBatches | None = None,
) -> FitResult:
    """Train as configured, and keep the best model under `output_dir`.

    `on_evaluation` is called after each evaluation, its model already on disk, and says whether to
    go on. Whatever it or `on_step` raises passes through unchanged, and the session stays usable.
    `before_write` is called before anything is written to disk; what it raises passes through too,
    with nothing written. Models that an earlier training left in `output_dir` are removed. On a
    CPU the scores follow from configuration, data and number of threads to the last digit.

    Raises TrainingDiverged when the loss stops being a number, and TrainerError for what cannot be
    trained at all.
    """
    started = time.monotonic()
    device = pick_device()
    precision = pick_precision(config.training.precision, device)
    log.info("training on %s in %s: %s", device_name(device), precision.name, precision.reason)
    memory = micro_batches or InProcess()
    with (
        device_errors_named(),
        cpu_threads(config.general.cpu_threads) as threads,
        _borrowed_model(config, session, device) as model,
    ):
        judge = _Judge(
            config=config,
            model=model,
            labelled=_labelled(
                config, session, FittingBatch(evaluation_load(config, precision, device), memory)
            ),
            precision=precision,
            curve=Curve(config.metric.name),
            checkpoints=Checkpoints(output_dir, limit=config.training.save_total_limit),
            on_evaluation=on_evaluation,
            before_write=before_write or _no_check,
            started=started,
        )
        batch = FittingBatch(training_load(config, precision, device), memory)
        _train(config, session, judge, batch=batch, on_step=on_step)
    best = judge.curve.evaluations[judge.curve.best_index]
    return FitResult(
        evaluations=judge.curve.evaluations,
        best=best,
        ended=judge.ended,
        checkpoint=best.checkpoint,
        seconds=time.monotonic() - started,
        device=device_name(device),
        precision=precision.name,
        precision_reason=precision.reason,
        threads=threads,
    )


@dataclass
class _Judge:
    """Scores the model at each evaluation, keeps the good ones, and decides whether to go on."""

    config: Configuration
    model: BartForConditionalGeneration
    labelled: Labelled
    precision: Precision
    curve: Curve
    checkpoints: Checkpoints
    on_evaluation: OnEvaluation
    before_write: BeforeWrite
    started: float  # time.monotonic()
    ended: Ended = "finished"

    def __call__(self, progress: Progress) -> bool:
        """Take one evaluation; False ends the training."""
        found = assess(self.model, self.labelled, precision=self.precision)
        if not math.isfinite(found.loss):
            raise TrainingDiverged(progress.step)
        value = found.scores.value(self.config.metric.name)
        admitted = self.checkpoints.admits(value)
        evaluation = self._evaluation(progress, found, admitted=admitted)
        self.curve.add(evaluation)
        self.before_write()
        if admitted:
            self.checkpoints.keep(evaluation.step, value, self._write)
        write_scores(self.checkpoints.folder, self.curve)
        return self._goes_on(evaluation)

    def _evaluation(self, progress: Progress, found: Assessment, *, admitted: bool) -> Evaluation:
        number = len(self.curve.evaluations) + 1
        is_best = self.curve.leads(found.scores)
        kept = number if admitted else self.curve.best_index + 1
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
            checkpoint=self.checkpoints.place(kept),
        )

    def _goes_on(self, evaluation: Evaluation) -> bool:
        patience = self.config.training.early_stopping_patience
        if not self.on_evaluation(evaluation):
            self.ended = "stopped"
        elif patience is not None and self.curve.since_best >= patience:
            self.ended = "early_stopping"
        return self.ended == "finished"

    def _write(self, folder: Path) -> None:
        write_model(
            folder,
            model=self.model,
            tokenizer=self.labelled.tokenizer,
            settings=dump(self.config),
        )
        write_scores(folder, self.curve)


def _train(
    config: Configuration,
    session: TrainingSession,
    judge: _Judge,
    *,
    batch: FittingBatch,
    on_step: OnStep | None,
) -> None:
    examples = session.train_split(config)
    plan = plan_of(config, len(examples))
    judge.before_write()
    judge.checkpoints.clear()
    loop = Loop(
        model=judge.model,
        arguments=arguments_of(
            config,
            plan=plan,
            precision=judge.precision,
            cpu=judge.model.device.type == "cpu",
            output_dir=judge.checkpoints.folder,
        ),
        examples=examples,
        padding=padding_of(judge.model.generation_config),
        smoothing=config.training.label_smoothing,
        watch=Watch(plan, on_step),
        batch=batch,
        on_evaluation=judge,
    )
    try:
        loop.train()
    finally:
        loop.let_go()


@contextmanager
def _borrowed_model(
    config: Configuration, session: TrainingSession, device: torch.device
) -> Iterator[BartForConditionalGeneration]:
    """Lend the session's model with its initial weights; clean up behind the training."""
    weights = session.weights(config)
    check_lengths(config, weights.model.config)
    try:
        model = weights.fresh(device)
        model.generation_config = generation_settings(weights.ids, config.generation)
        set_activation_checkpointing(model, on=config.training.gradient_checkpointing)
        yield model
    finally:
        weights.rest()
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001  # no public way
        GradientState._reset_state()  # noqa: SLF001
        gc.collect()  # the Trainer is full of cycles
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _no_check() -> None:
    """Let everything be written."""


def _labelled(config: Configuration, session: TrainingSession, batch: FittingBatch) -> Labelled:
    return Labelled(
        examples=session.dev,
        split=session.dev_split(config),
        tokenizer=session.tokenizer(config),
        scorer=session.scorer(config),
        batch=batch,
    )
