"""The last training before a submission: on train and dev together, for as long as a search found.

Nothing is left to score it on, so no evaluation is made, nothing stops it early, and the model
kept is the last. The learning rate follows the whole plan of `training.num_train_epochs`, as it did
in the trial whose best evaluation says where to stop.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from safetensors import SafetensorError
from transformers import BartForConditionalGeneration

from config.load import dump
from config.schema import Configuration
from trainer.arguments import arguments_of
from trainer.checkpoint import Checkpoints, write_model
from trainer.device import (
    check_kernels,
    cpu_threads,
    device_name,
    pick_device,
    pick_precision,
)
from trainer.device_errors import device_errors_named
from trainer.divergence import Divergence
from trainer.encode import EncodedSplit
from trainer.errors import TrainerError, first_line
from trainer.evaluation import Step
from trainer.fit import borrowed_model
from trainer.generate import padding_of
from trainer.loop import Loop
from trainer.micro_batch import FittingBatch, InProcess, training_load
from trainer.objective import Objective
from trainer.plan import plan_of
from trainer.progress import Progress
from trainer.session import TrainingSession
from trainer.watch import Watch


@dataclass(frozen=True)
class FinalFit:
    """A training on everything that ended by itself.

    `epochs` is how long it was, of `planned`. `train_losses` has the mean loss up to each place
    where a trial is evaluated. `model` is its only model's folder.
    """

    examples: int
    epochs: float
    planned: int
    train_losses: tuple[float, ...]
    model: Path
    seconds: float
    device: str


def fit_on_all(
    config: Configuration,
    *,
    epochs: float | None,
    session: TrainingSession,
    output_dir: Path,
    on_step: Callable[[Step], None],
    on_progress: Callable[[Progress], None],
) -> FinalFit:
    """Train on train and dev up to the evaluation at `epochs`, and keep the model.

    epochs: None for the whole plan. `on_progress` is called where a trial would be evaluated. What
    they raise passes through. Raises TrainerError where the plan is shorter than `epochs`.
    """
    started = time.monotonic()
    last = _last_evaluation(config, epochs)
    device = pick_device()
    check_kernels(device)
    passed: list[Progress] = []

    def follow(progress: Progress, _: object) -> bool:
        passed.append(progress)
        on_progress(progress)
        return len(passed) < last

    with (
        device_errors_named(),
        cpu_threads(config.general.cpu_threads),
        borrowed_model(config, session, device) as model,
    ):
        examples = session.all_split(config)
        checkpoints = Checkpoints(output_dir, limit=1)
        checkpoints.clear()
        loop = _loop(config, model, examples, folder=output_dir, on_step=on_step, follow=follow)
        try:
            loop.run()
        finally:
            loop.let_go()
        write = partial(
            write_model, model=model, tokenizer=session.tokenizer(config), settings=dump(config)
        )
        try:
            checkpoints.keep(last, 0.0, write)
        except (OSError, SafetensorError) as error:
            raise TrainerError(
                f"the model cannot be written to {output_dir} ({first_line(error)}); "
                "free some space, and train it again"
            ) from error
    return FinalFit(
        examples=len(examples),
        epochs=passed[-1].epoch,
        planned=config.training.num_train_epochs,
        train_losses=tuple(progress.train_loss for progress in passed),
        model=checkpoints.place(last),
        seconds=time.monotonic() - started,
        device=device_name(device),
    )


def _loop(
    config: Configuration,
    model: BartForConditionalGeneration,
    examples: EncodedSplit,
    *,
    folder: Path,
    on_step: Callable[[Step], None],
    follow: Callable[[Progress, object], bool],
) -> Loop:
    device = model.device
    precision = pick_precision(config.training.precision, device)
    plan = plan_of(config, len(examples))
    divergence = Divergence(model.config.vocab_size, penalty=config.training.rdrop_alpha)
    return Loop(
        model=model,
        arguments=arguments_of(
            config, plan=plan, precision=precision, cpu=device.type == "cpu", output_dir=folder
        ),
        examples=examples,
        padding=padding_of(model),
        objective=Objective.of(config.training),
        precision=precision,
        watch=Watch(plan, on_step, divergence),
        batch=FittingBatch(training_load(config, precision, device), InProcess()),
        on_evaluation=follow,
    )


def _last_evaluation(config: Configuration, epochs: float | None) -> int:
    """Return at which of a trial's evaluations to end, from 1."""
    training = config.training
    planned = training.num_train_epochs * training.evaluations_per_epoch
    if epochs is None:
        return planned
    wanted = max(1, round(epochs * training.evaluations_per_epoch))
    if wanted > planned:
        raise TrainerError(
            f"the trial was best at epoch {epochs:g} but training.num_train_epochs is "
            f"{training.num_train_epochs}; leave it as the trial had it"
        )
    return wanted
