"""The parent of a worker: a light process that outlives the crashes of the one that trains.

It imports neither torch nor a database: what is to be done in the database for a child that died is
done by the next child, before anything else.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from hpo.assignment import DEVICE_LOST, EVALUATED, GO, READY, REPLACE, STOP, TRIAL, Assignment
from hpo.oom_kills import oom_kills
from hpo.suspension import suspension
from hpo.worker_signals import STOP_SIGNALS, STOPPED, die_of, worker_signals

DEATHS_AT_START = 5
"""Deaths in a row before a child was ready after which the parent gives up."""
TRIALS_LOST = 3
"""Trials in a row that may kill all their workers before the parent gives up."""
FAILURES_KEPT = 3
LONGEST_PAUSE_S = 30.0
POLL_S = 0.1
IN_FLEET = "HPO_IN_FLEET"
"""Environment variable of a worker that is one of several under `hpo worker --gpus`."""
GIVEN_BACK = b"\r\x1b[K\x1b[?25h"  # the line cleared, the cursor shown


@dataclass
class _Child:
    """A working process; `ready` means that it may hold a lease."""

    worker: str
    process: subprocess.Popen[bytes]
    control: int
    ready: bool = False
    oom_kills: int | None = field(default_factory=oom_kills)

    def send(self, byte: bytes) -> None:
        """Write to its control pipe; nothing where it is gone already."""
        with suppress(BrokenPipeError):
            os.write(self.control, byte)


@dataclass
class Supervisor:
    """Runs `hpo worker OPTIONS` as a child, and another when it dies.

    `study` are the options that choose or make the study; later children get its name only, since
    a budget that was extended meanwhile would make those options another configuration.
    `stopped_status` is the exit status where it was asked to stop and did so in good order.
    """

    options: Sequence[str]
    study: Sequence[str]
    environ: Mapping[str, str]
    say: Callable[[str], None]
    in_fleet: bool = False
    stopped_status: int = 0
    _asked: bool = False
    _child: _Child | None = None
    _deaths: int = 0
    _early: int = 0
    _max_attempts: int = 3
    _trials: int = 0
    _failures: list[str] = field(default_factory=list)
    _dead: list[str] = field(default_factory=list)
    _device_lost: bool = False
    _out_of_memory: bool = False

    def run(self) -> int:
        """Run until a child ends in good order, or too many die; the exit status."""
        if self.in_fleet:
            threading.Thread(target=self._follow_fleet, name="fleet", daemon=True).start()
        with (
            worker_signals(first=self._ask, second=self._end_at_once),
            suspension(before=self._give_back),
        ):
            while not self._asked:
                status, ready = self._run_child()
                ended = self._after(status, ready=ready)
                if ended is not None:
                    return ended
                self._pause()
        self.say(STOPPED)
        return self.stopped_status

    def _follow_fleet(self) -> None:
        """The end of our input asks to stop: so does a fleet, and so does its death."""
        while os.read(sys.stdin.fileno(), 1):
            pass
        self._ask()

    def _run_child(self) -> tuple[int, bool]:
        child, notices = self._start()
        self._child = child
        if self._asked:  # between the last look and now
            self._ask()
        with os.fdopen(notices, "rb") as lines:
            for line in lines:
                self._hear(child, json.loads(line))
        status = child.process.wait()
        self._child = None
        # Of the whole machine; but hardly anything else sends a SIGKILL of its own accord.
        self._out_of_memory = status == -signal.SIGKILL and oom_kills() != child.oom_kills
        os.close(child.control)
        if child.ready and (status == DEVICE_LOST or status < 0):
            self._dead.append(child.worker)
        return status, child.ready

    def _start(self) -> tuple[_Child, int]:
        control, control_end = os.pipe()
        notices, notices_end = os.pipe()
        # The random part keeps two containers apart that share host name and pid.
        worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        assignment = Assignment(
            worker=worker,
            host=socket.gethostname(),
            pid=os.getpid(),
            control=control,
            notices=notices_end,
            trials=self._trials,
            failures=tuple(self._failures[-FAILURES_KEPT:]),
            dead=tuple(self._dead),
            device_lost=self._device_lost,
        )
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command with our own options
                [sys.executable, "-m", "hpo", "worker", *self.study, *self.options],
                env={**self.environ, **assignment.as_environment()},
                pass_fds=(control, notices_end),
            )
        finally:
            os.close(control)
            os.close(notices_end)
        return _Child(worker, process, control_end), notices

    def _hear(self, child: _Child, notice: Mapping[str, object]) -> None:
        kind = notice["kind"]
        if kind == READY:
            self.study = ("--study", str(notice["study"]))
            self._max_attempts = int(str(notice["max_attempts"]))
            self._early = 0
            self._dead.clear()  # it has seen to them
            child.ready = True
            child.send(GO)
        if kind == TRIAL:
            self._trials += 1
            error = notice["error"]
            self._failures = [] if error is None else [*self._failures, str(error)]
        if kind in {TRIAL, EVALUATED}:
            self._deaths = 0
            child.oom_kills = oom_kills()  # what was killed before was not this one

    def _after(self, status: int, *, ready: bool) -> int | None:
        """What this worker ends with now; None to go on with another child, or as asked."""
        if status == REPLACE or (self._asked and not ready):
            return None
        if status >= 0 and status != DEVICE_LOST:
            return self.stopped_status if self._asked and status == 0 else status
        if -status in STOP_SIGNALS:
            self._asked = True
            if not ready:  # too young to heed it
                return None
            self._end_at_once(-status)  # its second signal
        return self._after_death(status, ready=ready)

    def _after_death(self, status: int, *, ready: bool) -> int | None:
        how = self._how(status)
        self._device_lost |= status == DEVICE_LOST
        self._give_back()
        if self._asked:
            self.say(f"the working process died ({how}) before it had stopped in good order")
            return 1
        self._deaths += 1
        self._early += not ready
        if self._early >= DEATHS_AT_START or self._deaths >= TRIALS_LOST * self._max_attempts:
            self.say(
                f"worker ended: {self._deaths} working processes in a row died ({how}) without an"
                " evaluation; look at this machine's memory, GPU and kernel log"
            )
            return 1
        self.say(f"the working process died ({how}); another one goes on")
        return None

    def _how(self, status: int) -> str:
        if status == DEVICE_LOST:
            return "its GPU could not be used"
        name = signal.Signals(-status).name
        return f"{name}, out of memory" if self._out_of_memory else name

    def _pause(self) -> None:
        """After the second death in a row and more, give the machine some time."""
        seconds = 0.0 if self._deaths < 2 else min(2.0 ** (self._deaths - 2), LONGEST_PAUSE_S)  # noqa: PLR2004
        until = time.monotonic() + seconds
        while not self._asked and time.monotonic() < until:
            time.sleep(POLL_S)

    def _ask(self) -> None:
        """Pass the request to stop on; in a signal handler."""
        self._asked = True
        child = self._child
        if child is None:
            return
        if child.ready:
            child.send(STOP)
        else:
            child.process.kill()  # it holds nothing, and may be importing for seconds yet

    def _end_at_once(self, number: int) -> NoReturn:
        if self._child is not None:
            self._child.process.kill()
        self._give_back()
        die_of(number)

    def _give_back(self) -> None:
        """Give the terminal back as it was: no half line, and the cursor that a live line hides."""
        if sys.stdout is not None and sys.stdout.isatty():
            os.write(sys.stdout.fileno(), GIVEN_BACK)
