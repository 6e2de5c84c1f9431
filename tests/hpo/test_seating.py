"""From what was typed to seats: MPS only where cards are shared, and auto's own number."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.schema import Configuration
from hpo.auto_per_gpu import Choice
from hpo.seating import Wanted, seated
from hpo.seats import Seat
from hpo.share import Share

NO_MPS = {"PATH": "/nowhere", "CUDA_MPS_PIPE_DIRECTORY": "/nowhere", "CUDA_VISIBLE_DEVICES": "4,6"}

Configured = Callable[..., Configuration]


def sit(wanted: Wanted, config: Configuration | None = None) -> tuple[tuple[Seat, ...], list[str]]:
    """The seats, and what was said; the configuration is asked for only where it is given."""
    said: list[str] = []

    def asked() -> Configuration:
        assert config is not None
        return config

    with seated(wanted, asked, environ=NO_MPS, say=said.append) as found:
        shares = [Share.take(dict(seat.environ)) for seat in found]
        assert all(share is None or Path(share.lock).parent.is_dir() for share in shares)
    return found, said


def test_one_worker_a_card_needs_nothing() -> None:
    found, said = sit(Wanted(("0", "1"), 1))
    assert [seat.label for seat in found] == ["gpu0", "gpu1"]
    assert said == []


def test_several_on_a_card_say_whether_they_have_mps() -> None:
    found, said = sit(Wanted(("1",), 2))
    assert [seat.label for seat in found] == ["gpu1.1", "gpu1.2"]
    assert len(said) == 1
    assert "not installed" in said[0]


@pytest.mark.parametrize("wanted", [Wanted(("0",), 2, mps=False), Wanted((), 2)])
def test_without_a_card_or_told_so_mps_is_not_looked_for(wanted: Wanted) -> None:
    found, said = sit(wanted)
    assert len(found) == 2
    assert said == []


@pytest.mark.parametrize(("count", "labels"), [(1, ["gpu0"]), (2, ["gpu0.1", "gpu0.2"])])
def test_auto_takes_what_was_measured_on_the_first_card(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, count: int, labels: list[str]
) -> None:
    seen: list[object] = []

    def chosen(
        config: object, bursts: object, *, threads: Callable[[int], int], **_: int
    ) -> Choice:
        seen.extend([config, bursts._environ["CUDA_VISIBLE_DEVICES"], threads(1)])
        return Choice(count, "2 gain most")

    monkeypatch.setattr("hpo.seating.choose", chosen)
    config = configured()
    found, said = sit(Wanted(("0",), None, threads=3), config)
    assert [seat.label for seat in found] == labels
    assert said[-1] == "per-gpu auto: 2 gain most"
    assert seen == [config, "4", 3]
