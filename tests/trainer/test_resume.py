"""A training that was interrupted and goes on ends exactly like one that was not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.errors import Interrupted
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.fit import fit
from trainer.resume_store import ResumeStore, open_resume_store
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]
TRAINING = {
    "num_train_epochs": 3,
    "evaluations_per_epoch": 2,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "learning_rate": 1e-2,
    "lr_scheduler_type": "cosine",
    "save_total_limit": 2,
}  # 4 optimizer steps an epoch, an evaluation after every second


class Caller:
    """Takes what `fit` tells; interrupts behind `steps` steps, or at the n-th poll."""

    def __init__(self, *, steps: int = 0, polls: int = 0) -> None:
        self.steps = steps
        self.polls = polls
        self.evaluations: list[Evaluation] = []
        self.taken: list[int] = []

    def on_evaluation(self, evaluation: Evaluation) -> bool:
        self.evaluations.append(evaluation)
        return True

    def on_step(self, step: Step) -> None:
        self.taken.append(step.step)
        if len(self.taken) == self.steps:
            raise Interrupted

    def on_poll(self) -> None:
        self.polls -= 1
        if self.polls == 0:
            raise Interrupted


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path / "cache")


@pytest.fixture
def run(session: TrainingSession, tmp_path: Path) -> Callable[..., FitResult]:
    """Train with a store, in an output folder of the given name."""

    def train(
        config: Configuration,
        caller: Caller,
        *,
        store: ResumeStore | None = None,
        folder: str = "out",
    ) -> FitResult:
        return fit(
            config,
            caller.on_evaluation,
            session=session,
            output_dir=tmp_path / folder,
            on_step=caller.on_step,
            on_poll=caller.on_poll,
            resume=store,
        )

    return train


def plain(evaluations: tuple[Evaluation, ...] | list[Evaluation]) -> list[Evaluation]:
    """Everything but what may differ: the seconds, and where a model lies."""
    return [replace(e, seconds=0.0, checkpoint=None, replayed=False) for e in evaluations]


def weights(result: FitResult) -> dict[str, torch.Tensor]:
    assert result.checkpoint is not None
    return load_file(result.checkpoint / "model.safetensors")


def assert_same(result: FitResult, expected: FitResult) -> None:
    assert plain(result.evaluations) == plain(expected.evaluations)
    assert result.ended == expected.ended
    assert result.best.step == expected.best.step
    found, wanted = weights(result), weights(expected)
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_training_interrupted_again_and_again_ends_as_one_that_was_not(
    tiny_config: MakeConfig, run: Callable[..., FitResult], tmp_path: Path, steps: int
) -> None:
    """At every step; before, at and behind evaluations; at the ends of epochs."""
    config = tiny_config(training=TRAINING)
    expected = run(config, Caller(), folder="expected")
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    callers: list[Caller] = []
    for _ in range(12 // steps):
        callers.append(Caller(steps=steps))
        with pytest.raises(Interrupted):
            run(config, callers[-1], store=store)
    last = Caller()
    result = run(config, last, store=store)
    assert_same(result, expected)
    taken = [step for caller in [*callers, last] for step in caller.taken]
    assert taken == list(range(1, 13))  # no step twice
    assert plain(last.evaluations) == plain(expected.evaluations)
    assert sum(not e.replayed for caller in [*callers, last] for e in caller.evaluations) == 6
    kept = [path.name.partition(".")[0] for path in (tmp_path / "out").glob("evaluation-*")]
    assert sorted(kept) == sorted(p.name for p in (tmp_path / "expected").glob("evaluation-*"))
