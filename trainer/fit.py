"""One training from a configuration to a kept model, with a callback after each evaluation.

It knows nothing of a search: pruning, leases and mirrors are built on `on_evaluation` alone.
"""

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from accelerate.state import (  # type: ignore[import-untyped]
    AcceleratorState,
    GradientState,
)
from transformers import BartForConditionalGeneration

from config.schema import Configuration
from trainer.arguments import arguments_of
from trainer.assess import Labelled
from trainer.checkpoint import Checkpoints
from trainer.curve import Curve
from trainer.device import (
    check_kernels,
    cpu_threads,
    device_name,
    pick_device,
    pick_precision,
    place_of,
)
from trainer.device_errors import device_errors_named
from trainer.divergence import Divergence
from trainer.errors import Interrupted
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.generate import generation_settings, padding_of
from trainer.judge import Judge
from trainer.loop import Loop
from trainer.micro_batch import (
    FittingBatch,
    InProcess,
    MicroBatches,
    evaluation_load,
    training_load,
)
from trainer.model import check_lengths, set_activation_checkpointing
from trainer.objective import Objective
from trainer.plan import Plan, plan_of
from trainer.progress import Progress, mean
from trainer.resume import NoResume, Resume, ResumeStates, Saved, training_fingerprint
from trainer.resume_store import ResumeStore
from trainer.session import TrainingSession
from trainer.snapshot import Snapshot, set_weights
from trainer.watch import Watch
from trainer.write_guard import WriteGuard

log = logging.getLogger(__name__)

OnEvaluation = Callable[[Evaluation], bool]
OnStep = Callable[[Step], None]
OnPoll = Callable[[], None]
BeforeWrite = Callable[[], None]


def fit(
    config: Configuration,
    on_evaluation: OnEvaluation,
    *,
    session: TrainingSession,
    output_dir: Path,
    on_step: OnStep | None = None,
    on_poll: OnPoll | None = None,
    resume: ResumeStore | None = None,
    before_write: BeforeWrite | None = None,
    micro_batches: MicroBatches | None = None,
) -> FitResult:
    """Train as configured, and keep the best model under `output_dir`.

    `on_evaluation` is called after each evaluation, its model already on disk, and says whether to
    go on. `on_poll` is called between the batches of an evaluation. Whatever these or `on_step`
    raise passes through unchanged, and the session stays usable. `before_write` is called before
    anything is written to disk; what it raises passes through too, with nothing written. Models
    that an earlier training left in `output_dir` are removed. On a CPU the scores follow from
    configuration, data and number of threads to the last digit.

    With `resume`, where the training stands is saved there after each evaluation, before
    `on_evaluation` is told, and when a callback raises Interrupted. A training that finds such a
    state first tells `on_evaluation` all evaluations that were saved, as `replayed` ones, and then
    goes on: on a CPU to exactly the end that it would have reached without a break. What is full or
    unreachable costs a warning, not the training.

    Batches that do not fit into memory go through the model in pieces, which changes the steps in
    nothing but the dropout drawn; `micro_batches` remembers what fits for the next training. The
    result says which sizes were taken, and `training.micro_batches` has them taken again.

    Raises OutOfMemory where not one example fits, TrainingDiverged when the loss grows beyond hope
    or is no number, DeviceLost when this process cannot use the device again, DeviceTaken where
    other programs fill it, and TrainerError for what cannot be trained at all.
    """
    started = time.monotonic()
    device = pick_device()
    check_kernels(device)
    precision = pick_precision(config.training.precision, device)
    log.info("training on %s in %s: %s", device_name(device), precision.name, precision.reason)
    memory = micro_batches or InProcess()
    guard = WriteGuard(before_write)
    with (
        device_errors_named(),
        cpu_threads(config.general.cpu_threads) as threads,
        borrowed_model(config, session, device) as model,
    ):
        plan = plan_of(config, len(session.train_split(config, on_poll or _nothing)))
        place = place_of(device, precision, threads)
        states, checkpoints = _kept(
            config, session, output_dir, resume=resume, guard=guard, runs_on=place
        )
        saved = states.restore(lambda snapshot: set_weights(model, snapshot.weights))
        if saved is None:
            checkpoints.clear()
        judged = FittingBatch(evaluation_load(config, precision, device), memory)
        judge = Judge(
            config=config,
            model=model,
            labelled=_labelled(config, session, judged),
            precision=precision,
            divergence=Divergence(model.config.vocab_size, penalty=config.training.rdrop_alpha),
            curve=Curve(config.metric.name),
            checkpoints=checkpoints,
            resume=states,
            on_evaluation=on_evaluation,
            poll=on_poll or _nothing,
            started=started - (saved.seconds if saved else 0.0),
        )
        batch = FittingBatch(training_load(config, precision, device), memory)
        sizes = _train(config, session, judge, plan=plan, batch=batch, saved=saved, on_step=on_step)
    best = judge.curve.evaluations[judge.curve.best_index]
    return FitResult(
        evaluations=judge.curve.evaluations,
        best=best,
        ended=judge.ended,
        checkpoint=best.checkpoint,
        seconds=time.monotonic() - judge.started,
        device=device_name(device),
        precision=precision.name,
        precision_reason=precision.reason,
        threads=threads,
        earlier=states.earlier,
        micro_batches=sizes,
    )


def _kept(
    config: Configuration,
    session: TrainingSession,
    folder: Path,
    *,
    resume: ResumeStore | None,
    guard: WriteGuard,
    runs_on: str,
) -> tuple[Resume, Checkpoints]:
    """Return what keeps the training's states, and what keeps its models."""
    limit = config.training.save_total_limit
    if resume is None:
        return NoResume(), Checkpoints(folder, limit=limit, guard=guard)
    data = session.training_data(config)
    attempt = resume.attempt(training_fingerprint(config, data), guard)
    checkpoints = Checkpoints(folder, limit=limit, mark=f".{attempt.token}", guard=guard)
    return ResumeStates(attempt, checkpoints, runs_on=runs_on), checkpoints


def _train(
    config: Configuration,
    session: TrainingSession,
    judge: Judge,
    *,
    plan: Plan,
    batch: FittingBatch,
    saved: Saved | None,
    on_step: OnStep | None,
) -> Mapping[int, int]:
    """Train to the end; how many examples went through the model at once, by the first update."""
    if saved is not None and not _taken_up(saved, plan, judge):
        return dict(saved.snapshot.position.micro_batches)
    loop = Loop(
        model=judge.model,
        arguments=arguments_of(
            config,
            plan=plan,
            precision=judge.precision,
            cpu=judge.model.device.type == "cpu",
            output_dir=judge.checkpoints.folder,
        ),
        examples=session.train_split(config),
        padding=padding_of(judge.model),
        objective=Objective.of(config.training),
        precision=judge.precision,
        watch=Watch(plan, on_step, judge.divergence),
        batch=batch,
        on_evaluation=judge,
        saved=_evaluated(saved.snapshot, plan) if saved else None,
        micro_batches=config.training.micro_batches,
    )
    try:
        loop.run()
    except Interrupted:
        judge.save(loop.snapshot())
        raise
    finally:
        loop.let_go()
    return loop.split_steps.taken


def _taken_up(saved: Saved, plan: Plan, judge: Judge) -> bool:
    """Replay what was saved, and evaluate where the break came before; False: nothing is left."""
    if not judge.replay(saved.evaluations):
        return False
    position = saved.snapshot.position
    if len(saved.evaluations) < plan.due(position.step):
        progress = Progress(
            step=position.step,
            epoch=position.epoch,
            train_loss=mean(position.losses),
            learning_rate=position.learning_rate,
        )
        if not judge(progress, lambda: saved.snapshot):
            return False
    return position.step < plan.total_steps


def _evaluated(snapshot: Snapshot, plan: Plan) -> Snapshot:
    """Return the snapshot with the evaluation that may be due there behind it."""
    due = snapshot.position.step in plan.evaluate_after
    return snapshot.evaluated() if due else snapshot


@contextmanager
def borrowed_model(
    config: Configuration, session: TrainingSession, device: torch.device
) -> Iterator[BartForConditionalGeneration]:
    """Lend the session's model with its initial weights; clean up behind the training."""
    weights = session.weights(config)
    in_order = False
    check_lengths(config, weights.model.config)
    try:
        model = weights.fresh(device)
        model.generation_config = generation_settings(weights.ids, config.generation)
        if config.training.gradient_checkpointing:  # fresh, it is off
            set_activation_checkpointing(model, on=True)
        yield model
        in_order = True
    finally:
        weights.rest()
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001  # no public way
        GradientState._reset_state()  # noqa: SLF001
        if in_order:
            session.clear_away()
        else:
            gc.collect()  # what an error's traceback holds goes later: it must not be passed over
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _nothing() -> None:
    """Do nothing when polled."""


def _labelled(config: Configuration, session: TrainingSession, batch: FittingBatch) -> Labelled:
    return Labelled(
        examples=session.dev,
        split=session.dev_split(config),
        tokenizer=session.tokenizer(config),
        scorer=session.scorer(config),
        batch=batch,
    )
