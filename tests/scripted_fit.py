"""Stands in for `trainer.fit`: evaluations with given scores, and no model."""

from collections.abc import Callable
from pathlib import Path

from config.schema import Configuration
from trainer.evaluation import Ended, Evaluation, FitResult, Sample, Step
from trainer.fit import OnEvaluation, OnStep
from trainer.micro_batch import MicroBatches
from trainer.resume_store import ResumeStore
from trainer.rouge import Scores
from trainer.session import TrainingSession


def evaluation(
    step: int,
    value: float,
    *,
    folder: Path = Path("outputs"),
    is_best: bool = True,
    replayed: bool = False,
) -> Evaluation:
    """Give the evaluation of epoch `step` with this score."""
    return Evaluation(
        step=step,
        epoch=float(step),
        scores=Scores(value, value, value, value),
        train_loss=1.0 / step,
        eval_loss=2.0 / step,
        learning_rate=1e-4,
        seconds=float(step),
        samples=(Sample(f"dev_{step}", f"요약 {step}", "참고 요약"),),
        is_best=is_best,
        checkpoint=folder / f"evaluation-{step}",
        replayed=replayed,
    )


def result(*evaluations: Evaluation, ended: Ended = "finished") -> FitResult:
    """Give what a training with these evaluations returns."""
    best = max(evaluations, key=lambda each: each.scores.rouge_combined_f1)
    return FitResult(
        evaluations=evaluations,
        best=best,
        ended=ended,
        checkpoint=best.checkpoint,
        seconds=3.0,
        device="cpu",
        precision="fp32",
        precision_reason="the CPU has no faster one",
        threads=1,
    )


class ScriptedFit:
    """Gives `values` as its evaluations, each after one step; leaves a folder for each on disk.

    `before[n]` is called before evaluation n and may do or raise what a test needs there.
    """

    def __init__(self, *values: float) -> None:
        self.values = values
        self.before: dict[int, Callable[[], None]] = {}
        self.settings: list[Configuration] = []
        self.folders: list[Path] = []
        self.stores: list[ResumeStore] = []

    def __call__(
        self,
        config: Configuration,
        on_evaluation: OnEvaluation,
        *,
        session: TrainingSession,  # noqa: ARG002 - fit's form
        output_dir: Path,
        on_step: OnStep,
        on_poll: Callable[[], None],
        micro_batches: MicroBatches,  # noqa: ARG002
        resume: ResumeStore,
        before_write: Callable[[], None],
    ) -> FitResult:
        self.settings.append(config)
        self.folders.append(output_dir)
        self.stores.append(resume)
        evaluations: list[Evaluation] = []
        ended: Ended = "finished"
        for step, value in enumerate(self.values, start=1):
            self.before.get(step, lambda: None)()
            on_poll()
            before_write()
            on_step(Step(step, len(self.values), float(step), 1.0 / step))
            best = value > max((e.scores.rouge1 for e in evaluations), default=-1.0)
            evaluations.append(evaluation(step, value, folder=output_dir, is_best=best))
            evaluations[-1].checkpoint.mkdir(parents=True, exist_ok=True)
            (evaluations[-1].checkpoint / "settings.yaml").touch()
            if not on_evaluation(evaluations[-1]):
                ended = "stopped"
                break
        return result(*evaluations, ended=ended)
