"""Which signals ask a worker to stop, and when one is the second that ends it at once.

Ctrl-C, SIGTERM (SLURM, Kubernetes, docker stop), SIGHUP (the terminal is gone) and SIGUSR1 (SLURM's
early warning, --signal=USR1@60) each ask. The second of all SIGINTs and SIGTERMs ends the process.
SIGHUP and SIGUSR1 do not count: shell and kernel both send SIGHUP, warnings are repeated, and the
SIGTERM that follows a warning leaves as much time to save as one without.
SIGTSTP stops and SIGCONT goes on as ever: a worker that was stopped for long finds its lease gone.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
STOPPED = "worker ended: stopped as asked"
SAME_REQUEST_S = {signal.SIGINT: 0.3, signal.SIGTERM: 3.0}
"""Urgent signals; this close to the first they are the same request: `timeout` sends each twice,
SLURM SIGTERM: first to every process of a job, then once more by way of srun and its controller."""


@contextmanager
def worker_signals(*, first: Callable[[], None], second: Callable[[int], None]) -> Iterator[None]:
    """Call `first` at the first signal that asks to stop, `second` at the second urgent one.

    Both run inside the signal handler. A signal that is ignored (nohup ignores SIGHUP) stays so.
    """
    asked, urgent_at = False, math.inf

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - signal's form
        nonlocal asked, urgent_at
        if not asked:
            asked = True
            first()
        same_s = SAME_REQUEST_S.get(signal.Signals(number))
        if same_s is None:
            return
        now = time.monotonic()
        if now - urgent_at > same_s:
            second(number)
        urgent_at = min(urgent_at, now)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    heeded = [number for number, was in before.items() if was is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


def die_of(number: int) -> NoReturn:
    """End this process by a signal, so that a shell sees what it expects."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    os._exit(128 + number)  # the first process of a container does not die of its own signal


def end_young(status: int) -> NoReturn:
    """End a fleet that has no worker yet, in a signal handler: an import may swallow a raise."""
    click.echo(STOPPED)
    os._exit(status)
