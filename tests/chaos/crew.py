"""The workers: each place is filled with a new process when its worker was killed.

A worker is a parent process and the child that trains. What both print goes to one file a life.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos.schedule import Kind

WORK_MODULE = "hpo"
WITHIN = ("starts", "continues", "epoch")
TOLD = re.compile(r"^ *trial \d+ +(\w+)|^the working process (\w+)", re.MULTILINE)


@dataclass
class Life:
    """One worker process from its start to its end; `killed` when the schedule ended it."""

    process: subprocess.Popen[bytes]
    log: Path
    killed: bool = False
    children_killed: int = 0

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def printed(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def training(self) -> bool:
        """Whether it is within a trial, as far as its last word on trials tells."""
        told = [trial or process for trial, process in TOLD.findall(self.printed())]
        return bool(told) and told[-1] in WITHIN

    def family(self) -> tuple[psutil.Process, list[psutil.Process]]:
        """The parent, and the child that trains (none before it has started)."""
        parent = psutil.Process(self.process.pid)
        below = parent.children(recursive=True)
        return parent, [one for one in below if _trains(one)]


@dataclass
class Crew:
    """As many workers as there are places, over all their lives."""

    folder: Path
    environ: dict[str, str]
    command: Sequence[str]
    lives: list[list[Life]] = field(default_factory=list)

    def start(self, places: int) -> None:
        """Fill every place."""
        self.lives = [[self._begin(place, 0)] for place in range(places)]

    def refill(self) -> None:
        """Start a worker anew wherever the schedule killed one."""
        for place, lives in enumerate(self.lives):
            if lives[-1].killed and not lives[-1].alive:
                lives.append(self._begin(place, len(lives)))

    def present(self) -> list[Life]:
        """The workers that run now and that the schedule has not killed."""
        return [lives[-1] for lives in self.lives if lives[-1].alive and not lives[-1].killed]

    def all_lives(self) -> list[Life]:
        """Every worker process there ever was."""
        return [life for lives in self.lives for life in lives]

    def end(self) -> None:
        """Kill what still runs."""
        for life in self.all_lives():
            with suppress(ProcessLookupError):  # the group outlives a parent that was killed
                os.killpg(life.process.pid, signal.SIGKILL)
            life.process.wait()

    def _begin(self, place: int, number: int) -> Life:
        log = self.folder / f"worker-{place}-{number}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", WORK_MODULE, *self.command],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Life(process, log)


def strike(life: Life, kind: Kind) -> bool:
    """Kill the worker's parent, its child, or both as a machine that loses power would.

    False when there was no such process to kill.
    """
    with suppress(psutil.NoSuchProcess):
        parent, children = life.family()
        if kind == "kill child":
            life.children_killed += bool(children)
            for child in children:
                child.kill()
            return bool(children)
        life.killed = True
        if kind == "kill parent":
            parent.kill()
        else:
            parent.suspend()  # or it would see its child die first
            for one in (*parent.children(recursive=True), parent):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
        return True
    return False


def pause(life: Life) -> list[psutil.Process]:
    """Stop the worker as a closed laptop would; give what `resume` wakes again."""
    with suppress(psutil.NoSuchProcess):
        parent, children = life.family()
        for one in (parent, *children):
            os.kill(one.pid, signal.SIGSTOP)
        return [parent, *children]
    return []


def resume(paused: Sequence[psutil.Process]) -> None:
    """Wake what was paused."""
    for one in paused:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.kill(one.pid, signal.SIGCONT)


def _trains(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return WORK_MODULE in process.cmdline()
    return False
