"""One worker process for each GPU of this machine, shown together and stopped together."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from hpo.errors import HpoError, WrongInput
from hpo.stop import stop_requests

POLL_S = 0.2
NUMBER = re.compile(r"0|[1-9][0-9]{0,5}")  # 00 would be another name for GPU 0


@dataclass(frozen=True)
class Member:
    """One worker process and the GPU it sees."""

    gpu: str
    process: subprocess.Popen[str]


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

    SIGINT and SIGTERM go on to every member once; a second one ends this process as usual.
    """
    members = [_start(gpu, arguments, environ) for gpu in gpus]
    readers = [threading.Thread(target=_show, args=(member,), daemon=True) for member in members]
    for reader in readers:
        reader.start()
    with stop_requests() as stop:
        while any(member.process.poll() is None for member in members):
            if stop.wait(POLL_S):
                break
        if stop.is_set():
            _stop(members)
        for member in members:
            member.process.wait()
    for reader in readers:
        reader.join()
    return max(abs(int(member.process.returncode)) for member in members)


def _start(gpu: str, arguments: Sequence[str], environ: Mapping[str, str]) -> Member:
    own = {"CUDA_VISIBLE_DEVICES": visible_device(gpu, environ), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(  # noqa: S603 - our own command with our own arguments
        [sys.executable, "-m", "hpo", "worker", *arguments],
        env={**environ, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C reaches the whole terminal group; members must get it from us, and only once.
        start_new_session=True,
    )
    return Member(gpu, process)


def _stop(members: Sequence[Member]) -> None:
    for member in members:
        if member.process.poll() is None:
            member.process.send_signal(signal.SIGINT)


def _show(member: Member) -> None:
    assert member.process.stdout is not None  # noqa: S101 - Popen was given a pipe
    for line in member.process.stdout:
        click.echo(f"gpu{member.gpu} | {line.rstrip()}")
