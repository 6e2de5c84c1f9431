"""Free memory and used memory, as the system tells them."""

from pathlib import Path

import pytest
import torch

from trainer import device_memory
from trainer.device_memory import most_used, room

MIB = 1024**2


@pytest.fixture(autouse=True)
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_without_a_card_main_memory_counts_alone() -> None:
    for found in (room(), most_used()):
        assert (found.device, found.card) == ("cpu", None)
        assert found.main is None or found.main > 10 * MIB


def test_a_containers_limit_counts_where_it_is_lower(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_memory, "CGROUP", tmp_path)
    free = room().main
    (tmp_path / "memory.max").write_text(str(30 * MIB))
    (tmp_path / "memory.current").write_text(str(20 * MIB))
    assert room().main == 10 * MIB
    (tmp_path / "memory.stat").write_text(f"inactive_anon 1\ninactive_file {4 * MIB}\nfile 2\n")
    assert room().main == 14 * MIB
    (tmp_path / "memory.max").write_text("max\n")
    now = room().main
    assert now is None or free is None or now > free / 2
