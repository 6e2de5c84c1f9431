"""The part of a card's memory that one of several workers takes."""

import pytest
import torch

from trainer.memory_share import CONTEXT, fraction, memory_of, take_share

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
