"""How many trials at once: by steps a second, memory and cores; measured once."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config.schema import Configuration
from hpo.auto_per_gpu import GIB, MOST, Choice, choose, most_in, pick
from hpo.bursts import AskedToStop, BurstFailed, Bursts
from hpo.errors import HpoError
from hpo.stop import StopRequest
from trainer.device_memory import Room

CARD = Room("NVIDIA H200", card=140 * GIB, main=1000 * GIB)
NEED = Room("NVIDIA H200", card=20 * GIB, main=4 * GIB)

Make = Callable[..., Configuration]


class Measured(Bursts):
    """Stands in for processes: answers with these rates, fails where there is none."""

    def __init__(self, *rates: float, room: Room = CARD, need: Room = NEED) -> None:
        self.rates = rates
        self.found = (room, need)
        self.threads: list[int] = []
        self.started = 0

    def room(self) -> Room:
        return self.found[0]

    def need(self) -> Room:
        return self.found[1]

    def add(self) -> None:
        self.started += 1
        if self.started > len(self.rates):
            raise BurstFailed("CUDA out of memory")

    def steps_a_second(self, *, threads: int) -> float:
        self.threads.append(threads)
        return self.rates[self.started - 1]


@pytest.fixture
def config(configured: Make, tmp_path: Path) -> Configuration:
    found = configured()
    general = found.general.model_copy(update={"output_dir": str(tmp_path)})
    return found.model_copy(update={"general": general})


def chosen(config: Configuration, bursts: Measured, *, cores: int = 16) -> Choice:
    return choose(config, bursts, threads=lambda workers: cores // workers, cores=cores)


@pytest.mark.parametrize(
    ("rates", "count"),
    [((10.0,), 1), ((10, 10.2), 1), ((10, 16, 20, 20.5), 3), ((10, 16, 15), 2), ((10, 9), 1)],
)
def test_the_fewest_that_come_close_to_the_best(rates: tuple[float, ...], count: int) -> None:
    assert pick(rates) == count


@pytest.mark.parametrize(
    ("card", "main", "most"),
    [(140, 1000, 6), (20, 1000, 1), (10, 1000, 1), (140, 14, 3), (None, 9, 2), (None, None, MOST)],
)
def test_no_more_than_fit_with_a_margin(card: int | None, main: int | None, most: int) -> None:
    room = Room("x", card and card * GIB, main and main * GIB)
    need = Room("x", NEED.card if card else None, NEED.main)
    assert most_in(room, need) == most


def test_one_more_is_tried_until_it_gains_too_little(config: Configuration) -> None:
    bursts = Measured(10, 16, 20, 20.5, 99)
    choice = chosen(config, bursts)
    assert choice.workers == 3
    assert "3 at once on NVIDIA H200" in choice.reason
    assert "1: 10, 2: 16, 3: 20, 4: 20.5; 4 gain less than 5%" in choice.reason
    assert "20.0 of 140.0 GiB free on the card" in choice.reason
    assert "\n" not in choice.reason
    assert bursts.threads == [16, 8, 5, 4]


@pytest.mark.parametrize(
    ("bursts", "cores", "workers", "says"),
    [
        (Measured(1, 2, 3, 4, 5, 6, 7), 16, 6, "6 are all that fit in memory"),
        (Measured(1, 2, 3, 4), 2, 2, "2 are all cores"),
        (Measured(1, 2), 16, 2, "3 at once failed: CUDA out of memory"),
    ],
)
def test_it_ends_where_memory_or_cores_end(
    config: Configuration, bursts: Measured, cores: int, workers: int, says: str
) -> None:
    choice = chosen(config, bursts, cores=cores)
    assert choice.workers == workers
    assert says in choice.reason


def test_it_is_measured_once_for_a_study_on_a_machine(config: Configuration) -> None:
    first = chosen(config, Measured(10, 16, 17))
    again = Measured()
    kept = chosen(config, again)
    assert (kept.workers, again.started) == (first.workers, 0)
    assert kept.reason == f"{first.reason}, as measured before"
    other = Measured(10, 10, room=Room("NVIDIA T4", card=140 * GIB, main=None))
    assert chosen(config, other).workers == 1
    assert other.started == 2


def test_what_was_measured_gives_way_where_memory_is_short_now(config: Configuration) -> None:
    chosen(config, Measured(10, 16, 20, 20))
    now = chosen(config, Measured(room=Room("NVIDIA H200", card=50 * GIB, main=None)))
    assert now.workers == 2
    assert "no more fit now" in now.reason


def test_it_is_measured_again_where_memory_ended_it_and_is_free_now(config: Configuration) -> None:
    busy = Room("NVIDIA H200", card=50 * GIB, main=None)
    assert chosen(config, Measured(10, 16, room=busy)).workers == 2
    again = Measured(room=busy)
    assert (chosen(config, again).workers, again.started) == (2, 0)
    assert chosen(config, Measured(10, 16, 20, 20)).workers == 3


@pytest.mark.parametrize("text", ["", "[]", "{", "changed"])
def test_a_damaged_file_only_means_measuring_again(
    config: Configuration, tmp_path: Path, text: str
) -> None:
    chosen(config, Measured(10, 16, 16))
    (file,) = (tmp_path / "cache").iterdir()
    if text == "changed":
        text = json.dumps({key: {"rates": ["x"]} for key in json.loads(file.read_text())})
    file.write_text(text, encoding="utf-8")
    assert chosen(config, Measured(10, 11, 11)).workers == 2


def test_a_training_that_cannot_run_is_an_error_in_one_line(config: Configuration) -> None:
    with pytest.raises(HpoError, match=r"--per-gpu auto: .* failed: CUDA out of memory"):
        chosen(config, Measured())


def test_a_card_that_cannot_be_looked_at_is_an_error_in_one_line(
    config: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise BurstFailed("other programs hold 79.2 of the card's 80.0 GiB")

    monkeypatch.setattr(Measured, "room", full)
    with pytest.raises(HpoError, match="--per-gpu auto: other programs hold 79"):
        chosen(config, Measured(10))


def test_asked_to_stop_it_measures_no_longer(config: Configuration) -> None:
    stop = StopRequest()
    stop.set()
    with Bursts(config, {}, stop) as bursts, pytest.raises(AskedToStop):
        bursts.room()
