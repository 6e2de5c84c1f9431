"""Memory after trainings: back at its baseline, or said in words how far it is not."""

import ctypes
import gc
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
import torch

from config.schema import Configuration
from trainer import malloc, memory
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
    """Of a session with a small model, after a first training, from which 64 MiB are allowed."""
    monkeypatch.setattr(memory, "PROCESS_ALLOWANCE", 64 * MIB)
    gc.unfreeze()  # what a test before this one left is none of its memory
    gc.collect()
    session.prepare(tiny_config())
    return after_a_first_training(session)


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Has an entry for each time that free memory was given back."""
    times: list[None] = []

    def trim() -> None:
        times.append(None)
        malloc.trim()

    monkeypatch.setattr(memory, "trim", trim)
    return times


def after_a_first_training(session: TrainingSession) -> MemoryBaseline:
    made = MemoryBaseline(session)
    assert made.excess() is None
    return made


def garbage() -> None:
    """Leave 96 MiB that only a collection frees."""
    cycle: list[object] = [torch.ones(96 * MIB, dtype=torch.uint8)]
    cycle.append(cycle)


def free_in_small_pieces() -> torch.Tensor:
    """Free 96 MiB that malloc keeps: the piece that is returned lies behind them."""
    pieces = [torch.ones(MIB // 16, dtype=torch.uint8) for _ in range(96 * 16)]
    return pieces.pop()


def train(config: Configuration, session: TrainingSession, folder: Path) -> None:
    fit(config, lambda _: True, session=session, output_dir=folder)


def test_trainings_leave_nothing_behind(
    tiny_config: MakeConfig, session: TrainingSession, tmp_path: Path
) -> None:
    """The first training loads what all use; from then on memory is flat."""
    config = tiny_config(training={"num_train_epochs": 1})
    train(config, session, tmp_path / "first")
    malloc.trim()
    before = resident_bytes()
    for number in range(2):
        train(config, session, tmp_path / str(number))
    malloc.trim()
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


def test_what_the_first_training_adds_for_all_is_no_leak(
    baseline: MemoryBaseline, session: TrainingSession
) -> None:
    """Libraries, kernels and the metric's model may come to more than is allowed."""
    baseline = MemoryBaseline(session)
    loaded = torch.ones(96 * MIB, dtype=torch.uint8)
    assert baseline.excess() is None
    leak = torch.ones(96 * MIB, dtype=torch.uint8)
    excess = baseline.excess()
    assert excess is not None
    assert "since this process's first training" in excess
    del loaded, leak


def test_garbage_is_no_leak(baseline: MemoryBaseline) -> None:
    garbage()
    assert baseline.excess() is None


def test_garbage_that_the_collector_passes_over_is_no_leak(baseline: MemoryBaseline) -> None:
    gc.disable()
    try:
        garbage()
        gc.freeze()
    finally:
        gc.enable()
    assert baseline.excess() is None
    left = gc.get_freeze_count()
    gc.unfreeze()
    gc.collect()
    assert left == gc.get_freeze_count()  # Python 3.12 passes over what never dies by itself


def test_what_was_free_before_is_not_given_back_each_time(
    baseline: MemoryBaseline, given_back: list[None]
) -> None:
    """It takes long, and the next training of that size would ask for it again."""
    garbage()
    assert baseline.excess() is None
    given_back.clear()
    garbage()
    assert baseline.excess() is None
    assert not given_back


class _HoldsNothing(TrainingSession):
    def __init__(self) -> None:
        """Of no data: only what is held is asked of it."""

    def held_bytes(self, device: str) -> int:  # noqa: ARG002 - the session's signature
        return 0


def _kept_in_a_new_process(told: "SimpleQueue[tuple[bool, str | None, int]]") -> None:
    times: list[None] = []
    memory.PROCESS_ALLOWANCE = 64 * MIB
    memory.trim = lambda: times.append(None)
    baseline = after_a_first_training(_HoldsNothing())
    times.clear()
    last = free_in_small_pieces()
    told.put((malloc.free_bytes() > 90 * MIB, baseline.excess(), len(times)))
    del last


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="glibc 2.33 counts it")
def test_what_the_allocator_keeps_is_no_leak_and_stays() -> None:
    """In a process of its own: in one that gave much back the pieces would fill those holes."""
    spawn = get_context("spawn")
    told = spawn.SimpleQueue()
    process = spawn.Process(target=_kept_in_a_new_process, args=(told,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert told.get() == (True, None, 0)


def test_what_was_free_at_the_beginning_hides_no_leak(
    baseline: MemoryBaseline, session: TrainingSession
) -> None:
    """The lists still count what was given back then."""
    last = free_in_small_pieces()
    baseline = after_a_first_training(session)
    leak = torch.ones(96 * MIB, dtype=torch.uint8)
    assert baseline.excess() is not None
    del last, leak


def test_an_allocator_that_does_not_count_has_it_given_back(
    baseline: MemoryBaseline, given_back: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 0)
    last = free_in_small_pieces()
    assert baseline.excess() is None
    assert given_back
    del last


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
