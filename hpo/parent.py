"""A working process's side of the two pipes to its parent."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from typing_extensions import override  # Python 3.11's typing has none

from hpo.assignment import EVALUATED, GO, READY, TRIAL, Assignment
from hpo.stop import StopRequest
from hpo.worker_signals import die_of, worker_signals


class Parent:
    """What a worker tells the process over it. This one is for a worker that has none."""

    def ready(self, study: str, *, max_attempts: int) -> None:
        """Say that trials can be taken, and wait until the parent agrees or asks to stop."""

    def evaluated(self) -> None:
        """Say that an evaluation was reported: this process gets somewhere."""

    def trial_ended(self, error: str | None) -> None:
        """Say that a trial has ended; `error` None unless it failed."""


class PipedParent(Parent):
    """Speaks to the parent through the assignment's pipes; `stop` is set when it asks for that."""

    def __init__(self, assignment: Assignment, stop: StopRequest) -> None:
        self._assignment = assignment
        self._stop = stop
        self._heard = threading.Event()
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    @override
    def ready(self, study: str, *, max_attempts: int) -> None:
        self._tell({"kind": READY, "study": study, "max_attempts": max_attempts})
        self._heard.wait()

    @override
    def evaluated(self) -> None:
        self._tell({"kind": EVALUATED})

    @override
    def trial_ended(self, error: str | None) -> None:
        self._tell({"kind": TRIAL, "error": error})

    def _listen(self) -> None:
        while os.read(self._assignment.control, 1) == GO:
            self._heard.set()
        self._stop.set()
        self._heard.set()

    def _tell(self, notice: dict[str, object]) -> None:
        try:
            os.write(self._assignment.notices, json.dumps(notice).encode() + b"\n")
        except BrokenPipeError:
            self._stop.set()  # the parent is gone


@dataclass(frozen=True)
class WorkingProcess:
    """The worker that this process is: whom it tells what, and whether it was asked to stop."""

    assignment: Assignment
    parent: Parent
    stop: StopRequest


@contextmanager
def under_parent(assignment: Assignment) -> Iterator[WorkingProcess]:
    """Hear the parent and the signals to this process itself, from here on."""
    stop = StopRequest()
    with worker_signals(first=stop.set, second=die_of):
        yield WorkingProcess(assignment, PipedParent(assignment, stop), stop)
