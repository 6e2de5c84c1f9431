"""CUDA's Multi-Process Service, with a stand-in for its control program."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpo.mps import LOGS, PIPES, PROGRAM, multi_process_service

# Keeps a log of how it was called. `-d` starts it, `quit` ends it; RUNS has it answer at once, and
# HANGS has it never be done with `quit`.
CONTROL = """#!/bin/sh
if [ "$1" = -d ]; then
  [ -n "$REFUSES" ] && { echo "cannot run here" >&2; exit 1; }
  sleep 5 & # keeps its output open, as a service may
  echo "start $CUDA_MPS_PIPE_DIRECTORY [$CUDA_VISIBLE_DEVICES]" >>"$CALLS"
else
  read typed
  [ "$typed" = get_server_list ] && [ -z "$RUNS" ] && exit 1
  echo "$typed $CUDA_MPS_PIPE_DIRECTORY" >>"$CALLS"
  [ -z "$HANGS" ] || sleep 600
fi
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / PROGRAM).write_text(CONTROL, encoding="utf-8")
    (programs / PROGRAM).chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        PIPES: str(tmp_path / "nobody's"),
    }


def used(
    environ: dict[str, str], folder: Path, trial: tuple[str, ...] = ("true",)
) -> tuple[dict[str, str], list[str], list[str]]:
    """The variables inside, what was said, and the calls of the program."""
    said: list[str] = []
    with multi_process_service(environ, folder=folder, trial=trial, say=said.append) as variables:
        inside = dict(variables)
    calls = Path(environ["CALLS"])
    return inside, said, calls.read_text().splitlines() if calls.exists() else []


def test_a_service_is_started_for_all_cards_and_ended_behind(
    environ: dict[str, str], tmp_path: Path
) -> None:
    inside, said, calls = used(environ | {"CUDA_VISIBLE_DEVICES": "2"}, tmp_path)
    assert set(inside) == {PIPES, LOGS}
    assert calls == [f"start {inside[PIPES]} []", f"quit {inside[PIPES]}"]
    assert said == ["MPS: started for the length of this command"]


def test_one_that_runs_is_used_and_left_alone(environ: dict[str, str], tmp_path: Path) -> None:
    inside, said, calls = used(environ | {"RUNS": "1"}, tmp_path)
    assert inside == {}
    assert [call.split()[0] for call in calls] == ["get_server_list"]
    assert "is used" in said[0]


def test_a_hosts_service_is_seen_in_a_container_without_the_program(
    environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "control").touch()
    inside, said, _ = used(environ | {"PATH": "/nowhere", PIPES: str(tmp_path)}, tmp_path)
    assert inside == {}
    assert "is used" in said[0]


@pytest.mark.parametrize(
    ("change", "trial", "says"),
    [
        ({"PATH": "/nowhere"}, "true", "not installed"),
        ({"REFUSES": "1"}, "true", "cannot be started (cannot run here)"),
        ({"CUDA_VISIBLE_DEVICES": "MIG-1f"}, "true", "MIG slice"),
        ({}, "echo no card >&2; exit 1", "cannot use it here (no card)"),
    ],
)
def test_where_it_is_not_to_be_had_trials_take_turns(
    environ: dict[str, str], tmp_path: Path, change: dict[str, str], trial: str, says: str
) -> None:
    inside, said, calls = used(environ | change, tmp_path, ("/bin/sh", "-c", trial))
    assert inside == {}
    assert len(said) == 1
    assert says in said[0]
    assert "take turns" in said[0]
    started = [call.split()[0] for call in calls]
    assert started in ([], ["start", "quit"])


def test_a_service_that_never_ends_is_left_behind_in_a_line(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpo.mps.ANSWER_S", 1.0)
    inside, said, _ = used(environ | {"HANGS": "1"}, tmp_path)
    assert inside
    assert said[1:] == [f"MPS: {PROGRAM} did not end the service in 1 s; it may run on"]


def test_a_command_that_is_killed_leaves_no_service(
    environ: dict[str, str], tmp_path: Path
) -> None:
    code = (
        "import os, time; from pathlib import Path; from hpo.mps import multi_process_service;\n"
        f"with multi_process_service(os.environ, folder=Path({str(tmp_path)!r}), trial=['true'],\n"
        "    say=lambda line: print(line, flush=True)):\n"
        "    time.sleep(60)\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | environ, stdout=subprocess.PIPE, text=True
    )
    assert command.stdout is not None
    assert "started" in command.stdout.readline()
    command.send_signal(signal.SIGKILL)
    command.communicate()
    calls = Path(environ["CALLS"])
    for _ in range(100):
        if "quit" in calls.read_text():
            return
        time.sleep(0.1)
    pytest.fail("the service still runs")
