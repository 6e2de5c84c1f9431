"""Looking at the device in a process of its own."""

import json
import os
import subprocess
import sys

import pytest
import torch

import hpo.look

HIDDEN = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}


def look(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hpo.look", *words],
        env=HIDDEN,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_tells_the_device_and_what_is_free() -> None:
    found = json.loads(look().stdout)
    assert (found["device"], found["card"]) == ("cpu", None)


def test_where_a_card_is_asked_for_the_cpu_will_not_do() -> None:
    found = look("cuda")
    assert found.returncode == 1
    assert found.stderr.strip() == "CUDA finds no device"


def test_what_cuda_says_in_many_lines_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> None:
        raise torch.AcceleratorError("CUDA error: unknown error\nSearch\nCompile with")

    monkeypatch.setattr(hpo.look, "room", lost)
    with pytest.raises(SystemExit, match=r"\(CUDA error: unknown error\); a new process"):
        hpo.look.main()
