"""Cards as nvidia-smi and torch tell of them: ready, busy, out of torch's reach, or none."""

import stat
from pathlib import Path

import pytest
import torch

from hpo.check.cards import MIB, Card, Listed, listed, parsed, visible
from hpo.check.device import device_finding, in_use

GIB = 1024**3
LINE = "GPU-5f3c, NVIDIA A100-SXM4-80GB, 580.65.06, 81920, 81050\n"
A100 = Card("NVIDIA A100", (8, 0), 80 * GIB, 79 * GIB + GIB // 2, "580.65")
V100 = Card("Tesla V100", (7, 0), 32 * GIB, None, None)


def test_nvidia_smis_list_is_read_by_uuid() -> None:
    free = 81050 * MIB
    expected = Listed("NVIDIA A100-SXM4-80GB", "580.65.06", 81920 * MIB, free)
    assert parsed(LINE) == {"5f3c": expected}


@pytest.mark.parametrize(
    "text", ["", "\n", "NVIDIA-SMI has failed because it couldn't communicate\n", "a, b\n"]
)
def test_what_is_no_list_is_no_card(text: str) -> None:
    assert parsed(text) == {}


def test_what_a_card_does_not_tell_is_unknown() -> None:
    assert parsed("GPU-1, X, 580, [N/A], [N/A]\n")["1"] == Listed("X", "580", None, None)


@pytest.mark.parametrize(
    ("script", "cards"),
    [(f"printf '{LINE.strip()}\\n'", 1), ("echo no driver; exit 9", 0), ("exit 0", 0)],
)
def test_the_program_is_asked_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, cards: int
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert len(listed()) == cards


def test_a_free_card_is_told_with_driver_and_precision() -> None:
    found = device_finding([A100, A100], {}, wanted="auto")
    assert found.level == "ok"
    assert "79.5 of 80.0 GiB free" in found.text
    assert "driver 580.65" in found.text
    assert "bf16: NVIDIA A100 has compute capability 8.0" in found.text


def test_a_card_in_use_is_a_warning_that_names_it() -> None:
    busy = Card("NVIDIA A100", (8, 0), 80 * GIB, 20 * GIB, "580.65")
    found = device_finding([A100, busy], {}, wanted="auto")
    assert found.level == "warning"
    assert "in use: GPU 1" in found.text
    assert in_use(busy)


def test_a_card_without_kernels_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_80", "sm_90"])
    found = device_finding([A100, V100], {}, wanted="auto")
    assert found.level == "failure"
    assert found.text.startswith("Tesla V100 has compute capability 7.0, and torch ")
    assert found.text.endswith("has kernels for sm_75, sm_80, sm_90 alone")
    assert device_finding([A100], {}, wanted="auto").level == "ok"


def test_a_card_of_which_little_is_told_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_arch_list", list)  # as of a build without CUDA
    found = device_finding([V100], {}, wanted="bf16")
    assert found.level == "ok"
    assert "driver unknown" in found.text
    assert "fp16" in found.text
    assert not in_use(V100)


@pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA")
def test_a_card_that_torch_cannot_use_is_a_failure() -> None:
    known = parsed(LINE)
    found = device_finding(visible(known), known, wanted="auto")
    assert found.level == "failure"
    assert "is built without CUDA" in found.text
    assert "docs/setup.md" in found.mend


def test_no_card_is_a_warning() -> None:
    found = device_finding([], {}, wanted="auto")
    assert found.level == "warning"
    assert "CPU cores" in found.text
