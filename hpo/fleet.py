"""Several worker processes on this machine, shown together and stopped together."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import click

from hpo.seats import Seat
from hpo.stop import StopRequest
from hpo.supervisor import IN_FLEET
from hpo.worker_signals import die_of, worker_signals


@dataclass(frozen=True)
class Member:
    """One worker process, and what its lines begin with."""

    label: str
    process: subprocess.Popen[str]

    def ask(self) -> None:
        """Ask to stop, by the end of its input: not by a signal, which might count as a second."""
        assert self.process.stdin is not None  # noqa: S101 - Popen was given a pipe
        self.process.stdin.close()

    def kill(self) -> None:
        """End the worker and its working process."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def run_fleet(
    seats: Sequence[Seat], arguments: Sequence[str], *, environ: Mapping[str, str]
) -> int:
    """Run `hpo worker ARGUMENTS` on each seat until all have ended; the highest exit status.

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
        for seat in seats:
            members.append(_start(seat, arguments, environ))
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


def _start(seat: Seat, arguments: Sequence[str], environ: Mapping[str, str]) -> Member:
    own = {**seat.environ, "PYTHONUNBUFFERED": "1", IN_FLEET: "1"}
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
    return Member(seat.label, process)


def _show(member: Member) -> None:
    assert member.process.stdout is not None  # noqa: S101 - Popen was given a pipe
    for line in member.process.stdout:
        click.echo(f"{member.label} | {line.rstrip()}")
