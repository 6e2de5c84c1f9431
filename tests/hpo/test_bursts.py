"""Trainings in processes of their own that go and pause together: real ones, of a tiny model."""

import os
from pathlib import Path

import pytest
from small_training import small_config, write_dialogues

from hpo.bursts import BurstFailed, Bursts, _Burst
from hpo.stop import StopRequest

MIB = 1024**2


def test_bursts_of_real_steps_are_counted_and_memory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.bursts.BURST_S", 0.3)
    config = small_config(write_dialogues(tmp_path / "data"), tmp_path / "out")
    with Bursts(config, {**os.environ, "OMP_NUM_THREADS": "1"}, StopRequest()) as bursts:
        need = bursts.need()
        assert need.device == "cpu"
        assert need.card is None
        assert need.main is not None
        assert need.main > 100 * MIB
        bursts.add()
        assert bursts.steps_a_second(threads=1) > 0
        assert bursts.steps_a_second(threads=1) > 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["cache"]


def test_what_libraries_print_before_an_answer_shortens_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.bursts.ANSWER_S", 60.0)
    module = tmp_path / "talks.py"
    module.write_text("print('loading\\n' * 9000)\nprint('{\"steps\": 7}')", encoding="utf-8")
    burst = _Burst(["talks"], {}, {**os.environ, "PYTHONPATH": str(tmp_path)})
    try:
        assert burst.answer(StopRequest()) == {"steps": 7}
    finally:
        burst.end()


def test_a_training_that_fails_says_its_last_words(tmp_path: Path) -> None:
    config = small_config(tmp_path / "nowhere", tmp_path / "out")
    with (
        Bursts(config, os.environ, StopRequest()) as bursts,
        pytest.raises(BurstFailed, match=r"DataError: .*nowhere"),
    ):
        bursts.need()
