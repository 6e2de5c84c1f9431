"""The first signal asks, the second acts."""

import os
import signal
import threading
import time

import pytest

from hpo.stop import STOP_SIGNALS, Stopped, stop_requests


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_sets_the_event_and_gives_the_old_handlers_back(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in STOP_SIGNALS]
    with stop_requests() as requested:
        assert not requested.is_set()
        os.kill(os.getpid(), number)
        assert requested.is_set()
        assert [signal.getsignal(each) for each in STOP_SIGNALS] == before


def test_a_second_interrupt_ends_as_usual() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # as under a terminal
    with stop_requests():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_handlers_come_back_when_nothing_was_asked() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_requests():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_waiting_ends_when_a_stop_is_asked_for() -> None:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    with stop_requests() as requested:
        assert not requested.wait(0.01)
        assert requested.wait(60)
    assert time.monotonic() - began < 30


def test_what_catches_a_trials_failures_lets_a_stop_through() -> None:
    assert not issubclass(Stopped, Exception)
