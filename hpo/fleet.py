"""One worker process for each GPU of this machine, shown together and stopped together."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import click

from hpo.errors import HpoError, WrongInput
from hpo.stop import StopRequest
from hpo.supervisor import IN_FLEET
from hpo.worker_signals import die_of, worker_signals

NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")  # 00 would be another name for GPU 0


@dataclass(frozen=True)
class Member:
    """One worker process and the GPU it sees."""

    gpu: str
    process: subprocess.Popen[str]

    def ask(self) -> None:
        """Ask to stop, by the end of its input: not by a signal, which might count as a second."""
        assert self.process.stdin is not None  # noqa: S101 - Popen was given a pipe
        self.process.stdin.close()

    def kill(self) -> None:
        """End the worker and its working process."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def chosen_gpus(wanted: str, *, available: int) -> tuple[str, ...]:
    """`all` or `0,2` as GPU numbers; WrongInput for other words, HpoError for a GPU that is not."""
    numbers = [part.strip() for part in wanted.split(",")]
    if wanted != "all" and not all(NUMBER.fullmatch(part) for part in numbers):
        raise WrongInput(f"--gpus {wanted}: write all, or numbers such as 0,2")
    if len(set(numbers)) < len(numbers):
        raise WrongInput(f"--gpus {wanted}: a GPU is named twice; use each once")
    if available == 0:
        raise HpoError(f"--gpus {wanted}: no CUDA device is visible here; leave --gpus out")
    if wanted == "all":
        return tuple(str(number) for number in range(available))
    wrong = [part for part in numbers if int(part) >= available]
    if wrong:
        raise HpoError(
            f"--gpus {wanted}: no GPU {wrong[0]!r}; this machine has 0 to {available - 1}"
        )
    return tuple(numbers)


def visible_device(gpu: str, environ: Mapping[str, str]) -> str:
    """The CUDA_VISIBLE_DEVICES entry of our GPU number, where the scheduler gave us only some."""
    given = environ.get("CUDA_VISIBLE_DEVICES")
    return given.split(",")[int(gpu)].strip() if given else gpu


def run_fleet(gpus: Sequence[str], arguments: Sequence[str], *, environ: Mapping[str, str]) -> int:
    """Run `hpo worker ARGUMENTS` on each GPU until all have ended; the highest exit status.

    A signal that asks a worker to stop asks all of them, and so does the end of this process; a
    second SIGINT or SIGTERM ends all at once.
    """
    members: list[Member] = []
    stop = StopRequest()

    def ask() -> None:
        stop.set()
        for member in members:
            member.ask()

    def end_at_once(number: int) -> NoReturn:
        for member in members:
            member.kill()
        die_of(number)

    with worker_signals(first=ask, second=end_at_once):
        for gpu in gpus:
            members.append(_start(gpu, arguments, environ))
            if stop.is_set():  # while it was being started
                ask()
        readers = [threading.Thread(target=_show, args=(m,), daemon=True) for m in members]
        for reader in readers:
            reader.start()
        for member in members:
            member.process.wait()
    for reader in readers:
        reader.join()
    return max(abs(int(member.process.returncode)) for member in members)


def _start(gpu: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Member:
    device = visible_device(gpu, environ)
    own = {"CUDA_VISIBLE_DEVICES": device, "PYTHONUNBUFFERED": "1", IN_FLEET: "1"}
    process = subprocess.Popen(  # noqa: S603 - our own command with our own arguments
        [sys.executable, "-m", "hpo", "worker", *arguments],
        env={**environ, **own},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C reaches the whole terminal group; members must get it from us.
        start_new_session=True,
    )
    return Member(gpu, process)


def _show(member: Member) -> None:
    assert member.process.stdout is not None  # noqa: S101 - Popen was given a pipe
    for line in member.process.stdout:
        click.echo(f"gpu{member.gpu} | {line.rstrip()}")
