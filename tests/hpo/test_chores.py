"""What an ended trial leaves to do, done aside of the next one."""

import logging
import threading

import pytest

from hpo.chores import Chores, chores_aside
from hpo.turnover import Turnover


def test_a_chore_is_done_at_once_where_there_is_no_thread():
    done = []
    Chores().add(lambda: done.append(1))
    assert done == [1]


def test_nobody_waits_for_a_chore_aside_but_the_end():
    may_go, done = threading.Event(), []
    with chores_aside(Turnover()) as chores:
        chores.add(may_go.wait)
        chores.add(lambda: done.append("second"))
        assert done == []
        may_go.set()
    assert done == ["second"]


def test_what_an_ended_trial_leaves_waits_until_the_next_one_trains():
    turnover, done, begun = Turnover(), [], threading.Event()
    with chores_aside(turnover) as chores:
        turnover.begin()
        chores.add(lambda: (done.append("first"), begun.set()))
        assert not begun.wait(0.1)
        turnover.end()
        assert begun.wait(10)
    assert done == ["first"]


@pytest.mark.timeout(60)
def test_the_end_waits_for_no_next_trial(monkeypatch):
    monkeypatch.setattr("hpo.turnover.HELD_S", 1000)
    turnover, done = Turnover(), []
    with chores_aside(turnover) as chores:
        turnover.begin()
        chores.add(lambda: done.append("at the end"))
    assert done == ["at the end"]


@pytest.mark.timeout(60)
def test_who_was_asked_to_stop_leaves_a_chore_that_does_not_end():
    asked, may_go, done = threading.Event(), threading.Event(), []
    with chores_aside(Turnover(), hurried=asked.is_set) as chores:
        chores.add(may_go.wait)
        chores.add(lambda: done.append("second"))
        asked.set()
    assert done == []
    may_go.set()


def test_a_chore_that_fails_is_logged_and_the_next_is_done(caplog):
    def fails() -> None:
        raise OSError("the disk is away")

    done = []
    with caplog.at_level(logging.WARNING), chores_aside(Turnover()) as chores:
        chores.add(fails)
        chores.add(lambda: done.append("second"))
    assert done == ["second"]
    assert "left as it was" in caplog.text
