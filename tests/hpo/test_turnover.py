"""What waits while a trial gives way to the next."""

import threading

from hpo.turnover import Turnover


def test_nobody_waits_before_the_first_trial_ends():
    Turnover().wait()


def test_who_waits_goes_on_when_the_next_trial_trains():
    turnover, gone = Turnover(), threading.Event()
    turnover.begin()
    threading.Thread(target=lambda: (turnover.wait(), gone.set())).start()
    assert not gone.wait(0.1)
    turnover.end()
    assert gone.wait(10)


def test_a_trial_that_does_not_come_holds_nobody_for_long(monkeypatch):
    monkeypatch.setattr("hpo.turnover.HELD_S", 0.05)
    turnover = Turnover()
    turnover.begin()
    turnover.wait()
    monkeypatch.setattr("hpo.turnover.HELD_S", 1000)
    turnover.wait()  # once is enough


def test_who_goes_on_lets_nobody_go_who_waits_for_the_turnover_after(monkeypatch):
    """It begins when the first has seen that it need not wait, and has not gone on yet."""
    turnover, gone = Turnover(), threading.Event()
    wait = turnover._over.wait

    def overtaken(timeout: float) -> bool:
        found = wait(timeout)
        turnover.begin()
        return found

    with monkeypatch.context() as once:
        once.setattr(turnover._over, "wait", overtaken)
        turnover.wait()
    threading.Thread(target=lambda: (turnover.wait(), gone.set())).start()
    assert not gone.wait(0.1)
    turnover.end()
    assert gone.wait(10)
