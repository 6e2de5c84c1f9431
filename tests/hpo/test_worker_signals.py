"""Which signals ask a worker to stop, and which end it."""

import os
import signal
from collections.abc import Iterator

import pytest

from hpo import worker_signals


@pytest.fixture
def heeded() -> Iterator[None]:
    """No stop signal is ignored, whoever runs the tests."""
    before = {each: signal.signal(each, signal.SIG_DFL) for each in worker_signals.STOP_SIGNALS}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize(
    ("sent", "second"),
    [
        (["SIGUSR1", "SIGUSR1", "SIGHUP"], []),
        (["SIGUSR1", "SIGTERM"], []),
        (["SIGHUP", "SIGINT", "SIGUSR1"], []),
        (["SIGUSR1", "SIGTERM", "SIGTERM"], ["SIGTERM"]),
        (["SIGTERM", "SIGINT"], ["SIGINT"]),
    ],
)
def test_a_warning_asks_and_only_the_second_urgent_signal_ends(
    monkeypatch: pytest.MonkeyPatch, sent: list[str], second: list[str]
) -> None:
    monkeypatch.setattr(worker_signals, "SAME_REQUEST_S", {signal.SIGINT: 0, signal.SIGTERM: 0})
    asked: list[None] = []
    ended: list[str] = []

    def end(number: int) -> None:
        ended.append(signal.Signals(number).name)

    with worker_signals.worker_signals(first=lambda: asked.append(None), second=end):
        for name in sent:
            os.kill(os.getpid(), signal.Signals[name])
    assert (len(asked), ended) == (1, second)
