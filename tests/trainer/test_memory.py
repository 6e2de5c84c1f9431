"""Memory after trainings: back at its baseline, or said in words how far it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from config.schema import Configuration
from trainer import memory
from trainer.data import DataFiles
from trainer.fit import fit
from trainer.memory import MIB, MemoryBaseline, resident_bytes
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]


@pytest.fixture
def session(data_files: DataFiles, tmp_path: Path) -> TrainingSession:
    return TrainingSession(data_files, tmp_path / "cache")


@pytest.fixture
def baseline(
    session: TrainingSession, tiny_config: MakeConfig, monkeypatch: pytest.MonkeyPatch
) -> MemoryBaseline:
    """Of a session with a small model, from which 64 MiB are allowed."""
    monkeypatch.setattr(memory, "PROCESS_ALLOWANCE", 64 * MIB)
    session.prepare(tiny_config())
    return MemoryBaseline(session)


def garbage() -> None:
    """Leave 96 MiB that only a collection frees."""
    cycle: list[object] = [torch.ones(96 * MIB, dtype=torch.uint8)]
    cycle.append(cycle)


def train(config: Configuration, session: TrainingSession, folder: Path) -> None:
    fit(config, lambda _: True, session=session, output_dir=folder)


def test_trainings_leave_nothing_behind(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """The first training loads what all use; from then on memory is flat."""
    config = tiny_config(training={"num_train_epochs": 1})
    train(config, session, tmp_path / "first")
    before = resident_bytes()
    for number in range(2):
        train(config, session, tmp_path / str(number))
    assert resident_bytes() - before < 16 * MIB


def test_what_is_not_given_back_is_said(baseline: MemoryBaseline) -> None:
    assert baseline.excess() is None
    leak = torch.ones(96 * MIB, dtype=torch.uint8)
    excess = baseline.excess()
    assert excess is not None
    assert excess.startswith("memory has grown by ")
    assert "64 MiB are allowed" in excess
    del leak
    assert baseline.excess() is None


def test_garbage_is_no_leak(baseline: MemoryBaseline) -> None:
    garbage()
    assert baseline.excess() is None


def test_what_was_free_before_is_not_given_back_each_time(
    baseline: MemoryBaseline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes long, and the next training of that size would ask for it again."""
    garbage()
    assert baseline.excess() is None
    given_back: list[None] = []
    monkeypatch.setattr(memory, "_trim", lambda: given_back.append(None))
    garbage()
    assert baseline.excess() is None
    assert not given_back


def test_what_was_free_before_hides_no_leak(baseline: MemoryBaseline) -> None:
    garbage()
    assert baseline.excess() is None
    garbage()
    leak = torch.ones(96 * MIB, dtype=torch.uint8)
    assert baseline.excess() is not None
    del leak
    assert baseline.excess() is None


def test_a_larger_model_that_the_session_keeps_is_no_leak(
    baseline: MemoryBaseline, session: TrainingSession, tiny_config: MakeConfig
) -> None:
    small = session.held_bytes("cpu")
    wide = {"architecture": {"encoder_ffn_dim": 600_000}}  # 75 MiB of weights, and once more
    session.prepare(tiny_config(model=wide))
    assert session.held_bytes("cpu") - small > 140 * MIB
    assert session.held_bytes("cuda") == 0
    assert baseline.excess() is None


@pytest.mark.gpu
def test_gpu_memory_is_back_after_a_training_and_after_one_that_failed(
    session: TrainingSession, tiny_config: MakeConfig, tmp_path: Path
) -> None:
    config = tiny_config(training={"num_train_epochs": 1})
    session.prepare(config)
    baseline = MemoryBaseline(session)
    train(config, session, tmp_path / "first")
    assert baseline.excess() is None
    before = torch.cuda.memory_allocated()

    def fail(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(config, lambda _: True, session=session, output_dir=tmp_path / "second", on_step=fail)
    assert baseline.excess() is None
    assert torch.cuda.memory_allocated() == before
    leak = torch.ones(300 * MIB, dtype=torch.uint8, device="cuda")
    assert "GPU memory has grown" in (baseline.excess() or "")
    del leak
