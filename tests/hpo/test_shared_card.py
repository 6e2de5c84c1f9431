"""Workers on one card: side by side, and alone where a trial needs all of it."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.share import Share
from hpo.shared_card import Card, SharedCard
from hpo.stop import Stopped
from trainer.errors import DeviceLost, OutOfMemory, TrainingDiverged

WAIT_S = 30.0


class Neighbours:
    """Two workers' views of one card, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        share = Share(2, str(folder / "cards" / "0"))
        self.one, self.other = (SharedCard(share, self.said.append) for _ in range(2))

    def wait_for(self, words: str) -> None:
        """Wait until one of them has said this."""
        assert any_within(lambda: any(words in line for line in self.said))


def any_within(condition: Callable[[], bool]) -> bool:
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(int(WAIT_S / 0.05)))


def nothing() -> None:
    pass


@pytest.fixture
def neighbours(tmp_path: Path) -> Neighbours:
    return Neighbours(tmp_path)


def in_background(run: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def held(card: Card, until: threading.Event) -> tuple[threading.Thread, threading.Event]:
    """Train on a card in the background until the event; the thread, and that it began."""
    began = threading.Event()

    def attempt() -> None:
        began.set()
        until.wait(WAIT_S)

    return in_background(lambda: card.train(attempt, again=nothing, poll=nothing)), began


def fails_first(then: Callable[[], str]) -> Callable[[], str]:
    """An attempt that finds too little memory, and is as `then` when it is made again."""
    attempts = iter([False, True])

    def attempt() -> str:
        if next(attempts):
            return then()
        raise OutOfMemory("one example does not fit")

    return attempt


def test_neighbours_train_at_the_same_time(neighbours: Neighbours) -> None:
    end = threading.Event()
    thread, began = held(neighbours.one, end)
    assert began.wait(WAIT_S)
    assert neighbours.other.train(lambda: "trained", again=nothing, poll=nothing) == "trained"
    end.set()
    thread.join()
    assert neighbours.said == []


def test_what_does_not_fit_in_a_share_waits_for_the_neighbour_and_keeps_the_next_out(
    neighbours: Neighbours,
) -> None:
    end, order = threading.Event(), list[str]()
    thread, began = held(neighbours.other, end)
    assert began.wait(WAIT_S)

    def alone() -> str:
        order.append("alone")
        next_trial.start()
        neighbours.wait_for("a trial on this card needs all of it")
        order.append("alone ends")
        return "trained"

    next_trial = threading.Thread(
        target=lambda: neighbours.other.train(
            lambda: order.append("next"), again=nothing, poll=nothing
        )
    )
    attempt = fails_first(alone)
    again: list[str] = []
    first = in_background(
        lambda: neighbours.one.train(attempt, again=lambda: again.append("again"), poll=nothing)
    )
    neighbours.wait_for("one example does not fit: waiting for the others on this card")
    assert order == []
    end.set()
    for each in (thread, first, next_trial):
        each.join()
    assert order == ["alone", "alone ends", "next"]
    assert again == ["again"]


def test_two_that_both_need_the_card_get_it_in_turn(neighbours: Neighbours) -> None:
    inside, most = list[int](), list[int]()

    def alone() -> str:
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.3)
        inside.pop()
        return "trained"

    threads = [
        in_background(lambda c=card: c.train(fails_first(alone), again=nothing, poll=nothing))
        for card in (neighbours.one, neighbours.other)
    ]
    for thread in threads:
        thread.join(WAIT_S)
    assert most == [1, 1]


def test_what_does_not_fit_alone_either_is_out_of_memory(neighbours: Neighbours) -> None:
    def attempt() -> None:
        raise OutOfMemory("one example does not fit")

    with pytest.raises(OutOfMemory):
        neighbours.one.train(attempt, again=nothing, poll=nothing)
    assert neighbours.other.train(lambda: "trained", again=nothing, poll=nothing) == "trained"


def test_a_context_that_a_neighbour_broke_is_a_lost_device(
    neighbours: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("hpo.shared_card.free_memory", broken)
    with pytest.raises(DeviceLost):
        neighbours.one.train(fails_first(lambda: "trained"), again=nothing, poll=nothing)
    assert neighbours.other.train(lambda: "trained", again=nothing, poll=nothing) == "trained"


def test_other_ends_are_not_tried_again(neighbours: Neighbours) -> None:
    def attempt() -> None:
        raise TrainingDiverged(3)

    with pytest.raises(TrainingDiverged):
        neighbours.one.train(attempt, again=lambda: pytest.fail("tried again"), poll=nothing)


def test_who_waits_for_the_card_stops_when_asked(neighbours: Neighbours) -> None:
    end = threading.Event()
    thread, began = held(neighbours.other, end)
    assert began.wait(WAIT_S)

    def poll() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        neighbours.one.train(fails_first(lambda: "trained"), again=nothing, poll=poll)
    assert neighbours.one.train(lambda: "trained", again=nothing, poll=nothing) == "trained"
    end.set()
    thread.join()


def test_a_card_of_its_own_is_never_waited_for() -> None:
    assert Card().train(lambda: "trained", again=nothing, poll=nothing) == "trained"
    with pytest.raises(OutOfMemory):
        Card().train(fails_first(lambda: "trained"), again=nothing, poll=nothing)
