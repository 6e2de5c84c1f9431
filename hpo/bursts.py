"""Trainings in processes of their own that pause and go together, to measure steps a second.

See hpo/burst.py for the other side. They get no database: only a configuration.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Self

from config.mapping import to_mapping
from config.schema import Configuration
from hpo.largest import largest
from hpo.stop import StopRequest
from trainer.device_memory import Room

BURST_S = 10.0
ANSWER_S = 600.0
"""Longest wait for an answer: a training that starts, or a step on a slow CPU."""
POLL_S = 0.1


class BurstFailed(Exception):
    """A training to measure with ended by itself; its last words."""


class AskedToStop(Exception):
    """The measuring was given up because the user asked."""


class _Burst:
    """One process; answers come through a thread, so that a stop is heard while waiting."""

    def __init__(self, words: list[str], order: object, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", *words],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.tell(order)

    def tell(self, what: object) -> None:
        """Write one line; nothing where it has ended, which its answer will show."""
        assert self._process.stdin is not None  # noqa: S101 - Popen was given a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()

    def answer(self, stop: StopRequest) -> dict[str, Any]:
        """Wait for the next JSON line; other lines are a library's, or its last words."""
        last, until = "it said nothing", time.monotonic() + ANSWER_S
        while time.monotonic() < until:
            if stop.is_set():
                raise AskedToStop
            try:
                line = self._said.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if line is None:
                raise BurstFailed(last)
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
            last = line.strip() or last
        raise BurstFailed(f"no answer in {ANSWER_S:.0f} s")

    def end(self) -> None:
        """End it at once: it holds nothing."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        with suppress(ValueError):  # closed meanwhile
            for line in self._process.stdout:
                self._said.put(line)
        self._said.put(None)


class Bursts:
    """Trainings of one configuration side by side on one device; a context that ends them."""

    def __init__(
        self, config: Configuration, environ: Mapping[str, str], stop: StopRequest
    ) -> None:
        self._config = config
        self._environ = environ
        self._stop = stop
        self._running: list[_Burst] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        for burst in self._running:
            burst.end()

    def room(self) -> Room:
        """What device there is, and what is free on it and beside it."""
        return self._once(["hpo.look"], {})

    def need(self) -> Room:
        """What one training of the largest configuration takes, measured by one."""
        config = to_mapping(largest(self._config))
        return self._once(["hpo.burst"], {"config": config, "largest": True})

    def add(self) -> None:
        """Start one more training, and wait until it is warm. Raises BurstFailed."""
        order = {"config": to_mapping(self._config), "largest": False}
        self._running.append(_Burst(["hpo.burst"], order, self._environ))
        self._running[-1].answer(self._stop)

    def steps_a_second(self, *, threads: int) -> float:
        """Let all train for a while at once, each with so many CPU threads; their steps in all."""
        for burst in self._running:
            burst.tell({"seconds": BURST_S, "threads": threads})
        answers = [burst.answer(self._stop) for burst in self._running]
        return sum(float(found["steps"]) / float(found["seconds"]) for found in answers)

    def _once(self, words: list[str], order: object) -> Room:
        burst = _Burst(words, order, self._environ)
        try:
            return Room(**burst.answer(self._stop))
        finally:
            burst.end()
