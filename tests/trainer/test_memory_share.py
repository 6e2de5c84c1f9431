"""The part of a card's memory that one of several workers takes."""

import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from trainer.memory_share import CONTEXT, crowded, fraction, memory_of, take_share

GIB = 1024**3


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("total", [16 * GIB, 80 * GIB, 141 * GIB])
def test_all_shares_with_their_contexts_fit_on_the_card(workers: int, total: int) -> None:
    used = workers * (fraction(workers, total=total) * total + CONTEXT)
    assert total * 0.999 < used < total * 1.001


def test_one_worker_has_the_whole_card() -> None:
    assert fraction(1, total=16 * GIB) == 1.0


def test_a_share_is_never_nothing() -> None:
    assert fraction(64, total=16 * GIB) > 0


def test_the_cpu_has_no_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    take_share(2)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A card of 24 GiB, as far as can be asked; what is given is in GiB."""

    def make(*, free: float, ours: float, part: float = 1.0) -> None:
        asked = {
            "is_available": lambda: True,
            "is_initialized": lambda: True,
            "mem_get_info": lambda _: (int(free * GIB), 24 * GIB),
            "memory_reserved": lambda _: int(ours * GIB),
            "get_per_process_memory_fraction": lambda _: part,
            "get_device_properties": lambda _: SimpleNamespace(total_memory=24 * GIB),
        }
        for name, answer in asked.items():
            monkeypatch.setattr(torch.cuda, name, answer)

    return make


@pytest.mark.parametrize(
    ("free", "ours", "part", "words"),
    [
        (0.2, 3.0, 1.0, "other programs hold 20.1 of the card's 24.0 GiB"),
        (0.2, 23.0, 1.0, None),  # all is ours: the training is too large
        (2.0, 17.0, 1.0, None),  # a screen
        (0.2, 10.0, 0.4, None),  # our share is used up, the neighbours have theirs
        (0.1, 1.0, 0.5, "other programs hold 10.2 of the card's 24.0 GiB"),
    ],
)
def test_a_card_is_crowded_where_others_hold_much_of_what_is_ours(
    card: Callable[..., None], free: float, ours: float, part: float, words: str | None
) -> None:
    card(free=free, ours=ours, part=part)
    assert (None if (found := crowded()) is None else str(found).partition(",")[0]) == words


def test_a_card_without_room_for_a_context_is_crowded(
    card: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise torch.AcceleratorError("CUDA error: out of memory")

    card(free=0, ours=0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", full)
    assert "23.2 of the card's 24.0 GiB" in str(crowded())


def test_the_cpu_is_never_crowded() -> None:
    assert crowded() is None


@pytest.mark.gpu
def test_what_another_program_holds_crowds_a_card() -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    torch.ones(1, device="cuda")
    assert crowded() is None
    code = (
        f"import torch; held = torch.ones({int(0.35 * total)}, dtype=torch.uint8, device='cuda');"
        "torch.cuda.synchronize(); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        other.stdout.readline()
        found = crowded()
        other.stdin.write(b"\n")
        other.stdin.close()
    assert "other programs hold" in str(found)


@pytest.mark.gpu
def test_a_share_bounds_what_a_process_gets_until_it_has_the_whole_card() -> None:
    device = torch.device("cuda", 0)
    total = torch.cuda.get_device_properties(device).total_memory
    take_share(8)
    try:
        assert memory_of(device) == pytest.approx(total / 8 - CONTEXT, rel=0.01)
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(total // 6, dtype=torch.uint8, device=device)
    finally:
        take_share(1)
    assert memory_of(device) == total
