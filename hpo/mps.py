"""CUDA's Multi-Process Service: trials on one card compute at the same time, not in turn.

A service that runs is used. Where there is none, nvidia-cuda-mps-control is started if it is
installed, tried out, and ended with this process, however that ends. Where it is not to be had,
nothing fails: the card gives each process a slice of time.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

PROGRAM = "nvidia-cuda-mps-control"
PIPES, LOGS = "CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"
USUAL_PIPES = "/tmp/nvidia-mps"  # noqa: S108 - CUDA's own default
ANSWER_S = 30.0
IN_TURN = "trials on one card take turns"
# Until its input ends, which the end of this process does in any case.
QUIT_BEHIND = 'cat >/dev/null; echo quit | "$0" >/dev/null 2>&1'

Say = Callable[[str], None]


@contextmanager
def multi_process_service(
    environ: Mapping[str, str], *, folder: Path, trial: Sequence[str], say: Say
) -> Iterator[dict[str, str]]:
    """Give the variables that have programs use a service of ours; none where there is another.

    `folder` is for its pipes and logs; `trial` is a command that uses the card, which must end
    with 0 before anything else relies on the service. One line is said about how it is.
    """
    program = shutil.which(PROGRAM, path=environ.get("PATH"))
    if _runs(environ, program):
        say("MPS: the service that runs here is used")
    elif program is None:
        say(f"MPS: {PROGRAM} is not installed; {IN_TURN}")
    elif "MIG-" in environ.get("CUDA_VISIBLE_DEVICES", ""):
        say(f"MPS: a MIG slice needs a service of its own, started by its operator; {IN_TURN}")
    else:
        with _started(program, environ, folder, trial, say) as variables:
            yield variables
        return
    yield {}


def _runs(environ: Mapping[str, str], program: str | None) -> bool:
    """Whether a service answers; in a container without its program, whether its pipe is there."""
    if program is None:
        return (Path(environ.get(PIPES, USUAL_PIPES)) / "control").exists()
    return _ended_well([program], environ, "get_server_list\n") is None


@contextmanager
def _started(
    program: str, environ: Mapping[str, str], folder: Path, trial: Sequence[str], say: Say
) -> Iterator[dict[str, str]]:
    ours = {PIPES: str(folder / "pipes"), LOGS: str(folder / "logs")}
    for place in ours.values():
        Path(place).mkdir()
    # It must see every card: its clients count the cards among those that it sees.
    service = {name: value for name, value in environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    wrong = _ended_well([program, "-d"], service | ours)
    if wrong is not None:
        say(f"MPS: it cannot be started ({wrong}); {IN_TURN}")
        yield {}
        return
    behind = subprocess.Popen(  # noqa: S603 - our own line with the program found
        ["/bin/sh", "-c", QUIT_BEHIND, program],
        env=service | ours,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        wrong = _ended_well(trial, {**environ, **ours}, seconds=4 * ANSWER_S)
        if wrong is None:
            say("MPS: started for the length of this command")
            yield ours
    finally:
        _quit(behind, say)
    if wrong is not None:
        say(f"MPS: a program cannot use it here ({wrong}); {IN_TURN}")
        yield {}


def _quit(behind: subprocess.Popen[bytes], say: Say) -> None:
    try:
        behind.communicate(timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        os.killpg(behind.pid, signal.SIGKILL)
        behind.wait()
        say(f"MPS: {PROGRAM} did not end the service in {ANSWER_S:g} s; it may run on")


def _ended_well(
    command: Sequence[str],
    environ: Mapping[str, str],
    typed: str = "",
    *,
    seconds: float = ANSWER_S,
) -> str | None:
    """Run a command; None where it ended with 0, else what it said last."""
    # A file, not a pipe: a service that goes on keeps what it was given to write to.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            text=True,
            start_new_session=True,
        )
        try:
            process.communicate(typed, timeout=seconds)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"no answer in {seconds:.0f} s"
        said.seek(0)
        lines = said.read().strip().splitlines()
    if process.returncode == 0:
        return None
    return lines[-1].strip() if lines else f"exit status {process.returncode}"
