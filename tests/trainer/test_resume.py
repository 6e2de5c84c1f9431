"""A training that was interrupted and goes on ends exactly like one that was not."""

import errno
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.errors import DeviceLost, Interrupted, TrainerError
from trainer.evaluation import Evaluation, FitResult, Step
from trainer.fit import fit
from trainer.resume_store import ResumeStore, open_resume_store
from trainer.scores import best_model
from trainer.session import TrainingSession
from trainer.tensor_stream import Sink

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


@pytest.mark.parametrize("steps", [1, 2, 5])
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


SHORT = {"num_train_epochs": 2, "learning_rate": 1e-2, "save_total_limit": 1}  # 4 steps an epoch


@pytest.mark.parametrize(("polls", "left"), [(1, [5, 6, 7, 8]), (3, [5, 6, 7, 8]), (6, [])])
def test_interrupted_evaluation_is_done_again(
    tiny_config: MakeConfig,
    run: Callable[..., FitResult],
    tmp_path: Path,
    polls: int,
    left: list[int],
) -> None:
    """While the loss is computed and while summaries are generated, in either evaluation."""
    config = tiny_config(training=SHORT)
    expected = run(config, Caller(), folder="expected")
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    with pytest.raises(Interrupted):
        run(config, Caller(polls=polls), store=store)
    last = Caller()
    assert_same(run(config, last, store=store), expected)
    assert last.taken == left


def test_another_machine_goes_on_from_an_object_store_with_its_kept_models(
    tiny_config: MakeConfig, run: Callable[..., FitResult]
) -> None:
    config = tiny_config(training=SHORT | {"num_train_epochs": 3})
    expected = run(config, Caller(), folder="expected")
    url = f"memory://{uuid4().hex}"
    for number, steps in enumerate((5, 5)):
        store = open_resume_store(url, "s/trial_00001")
        with pytest.raises(Interrupted):
            run(config, Caller(steps=steps), store=store, folder=f"machine-{number}")
    result = run(config, Caller(), store=open_resume_store(url, "s/trial_00001"), folder="last")
    assert_same(result, expected)
    assert result.checkpoint is not None
    assert {p.name for p in result.checkpoint.iterdir()} >= {"config.json", "settings.yaml"}
    store.clear()
    assert open_resume_store(url, "s/trial_00001").place.entries() == []


def test_a_device_that_is_lost_while_a_state_is_brought_back_costs_no_state(
    tiny_config: MakeConfig,
    run: Callable[..., FitResult],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(*_: object) -> None:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    config = tiny_config(training=TRAINING)
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    with pytest.raises(Interrupted):
        run(config, Caller(steps=5), store=store)
    with monkeypatch.context() as patched:
        patched.setattr("trainer.fit.set_weights", lost)
        with pytest.raises(DeviceLost):
            run(config, Caller(), store=store)
    assert "cannot be used" not in caplog.text
    caller = Caller()
    run(config, caller, store=store)
    assert caller.taken[0] == 6


def test_training_that_goes_on_with_other_threads_says_what_it_was_begun_on(
    tiny_config: MakeConfig,
    run: Callable[..., FitResult],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The order of sums is another one from there on: nobody trains to its score again."""
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    two, one = (
        tiny_config(training=TRAINING | {"precision": "fp32"}, general={"cpu_threads": threads})
        for threads in (2, 1)
    )
    for steps in (3, 2):
        with pytest.raises(Interrupted):
            run(two, Caller(steps=steps), store=store)
    assert "begun on" not in caplog.text
    with pytest.raises(Interrupted):
        run(one, Caller(steps=1), store=store)
    result = run(one, Caller(), store=store)
    assert result.earlier == ("cpu in fp32 with 2 threads",)
    assert "begun on cpu in fp32 with 2 threads, the training goes on on cpu in fp32 with" in (
        caplog.text
    )


def test_finished_training_is_told_again_and_trains_nothing(
    tiny_config: MakeConfig, run: Callable[..., FitResult], tmp_path: Path
) -> None:
    """Its worker died between the last evaluation and the study's being told."""
    config = tiny_config(
        training={"num_train_epochs": 9, "learning_rate": 1e-12, "early_stopping_patience": 1}
    )
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    expected = run(config, Caller(), store=store, folder="gone")
    wanted = weights(expected)
    shutil.rmtree(tmp_path / "gone")
    again = Caller()
    result = run(config, again, store=store)
    assert plain(result.evaluations) == plain(expected.evaluations)
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in weights(result).items())
    assert again.taken == []
    assert [e.replayed for e in again.evaluations] == [True, True]
    assert expected.ended == "early_stopping"


def test_stop_at_a_replayed_evaluation_ends_the_training_there(
    tiny_config: MakeConfig, session: TrainingSession, run: Callable[..., FitResult], tmp_path: Path
) -> None:
    """The rule that prunes was to be asked when the worker died."""
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    with pytest.raises(Interrupted):
        run(tiny_config(training=SHORT), Caller(steps=5), store=store)
    result = fit(
        tiny_config(training=SHORT),
        lambda _: False,
        session=session,
        output_dir=tmp_path / "out",
        resume=store,
    )
    assert (result.ended, len(result.evaluations)) == ("stopped", 1)
    assert result.checkpoint is not None
    assert (result.checkpoint / "model.safetensors").is_file()


def test_state_of_other_settings_is_not_used(
    tiny_config: MakeConfig, run: Callable[..., FitResult], tmp_path: Path
) -> None:
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    with pytest.raises(Interrupted):
        run(tiny_config(training=SHORT), Caller(steps=5), store=store)
    other = Caller()
    run(tiny_config(training=SHORT | {"learning_rate": 2e-2}), other, store=store)
    assert other.taken[0] == 1
    assert not any(e.replayed for e in other.evaluations)


def test_full_disk_costs_a_warning_and_the_older_state_stays(
    tiny_config: MakeConfig,
    run: Callable[..., FitResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    config = tiny_config(training=SHORT)
    expected = run(config, Caller(), folder="expected")
    store = open_resume_store(tmp_path / "store", "s/trial_00001")
    with pytest.raises(Interrupted):
        run(config, Caller(steps=5), store=store)

    def full(tensors: object, sink: Sink) -> None:
        sink.write(memoryview(b"ha"))
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("trainer.resume_attempt.write_tensors", full)
        assert_same(run(config, Caller(), store=store), expected)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1
    assert "step 8 cannot be saved ([Errno 28] No space left on device)" in told[0]
    assert store.place.leftovers() == []
    last = Caller()
    assert_same(run(config, last, store=store), expected)
    assert last.taken == [6, 7, 8]


def test_model_that_does_not_fit_on_the_disk_costs_a_warning(
    tiny_config: MakeConfig,
    run: Callable[..., FitResult],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("trainer.judge.write_model", full)
    caller = Caller()
    config = tiny_config(training={"num_train_epochs": 1})
    result = run(config, caller, store=open_resume_store(tmp_path / "store", "s/t"))
    assert "the model of evaluation 1 cannot be written" in caplog.text
    assert (result.checkpoint, caller.evaluations[0].checkpoint) == (None, None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scores.json"]
    with pytest.raises(TrainerError, match="lacks its best model: the disk was full"):
        best_model(tmp_path / "out")
    again = run(config, Caller(), store=open_resume_store(tmp_path / "store", "s/t"))
    assert again.checkpoint is None


@pytest.mark.parametrize("call", [3, 4, 5, 6, 7, 8])
def test_lost_lease_is_no_full_disk(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path, call: int
) -> None:
    """What is asked before a write passes through, even where it looks like a disk's error."""
    calls = count(1)

    def before_write() -> None:
        if next(calls) >= call:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        fit(
            tiny_config(training={"num_train_epochs": 1}),
            lambda _: True,
            session=session,
            output_dir=tmp_path / "out",
            resume=open_resume_store(tmp_path / "store", "s/t"),
            before_write=before_write,
        )
