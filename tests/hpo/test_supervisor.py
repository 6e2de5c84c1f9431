"""The parent of a worker, over children that a script plays: what it passes on, replaces, ends."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

import hpo.oom_kills
import hpo.supervisor
from hpo.assignment import VARIABLE
from hpo.supervisor import DEATHS_AT_START, Supervisor
from hpo.worker_signals import SAME_REQUEST_S

CHILD = """\
#!{python} -S
import json, os, signal, sys, time
given = json.loads(os.environ[{variable!r}])
with open({log!r}, "a") as log:
    log.write(json.dumps({{"words": sys.argv[4:], **given}}) + "\\n")
turn = len(open({log!r}).readlines())
def tell(kind, **more):
    os.write(given["notices"], json.dumps({{"kind": kind, **more}}).encode() + b"\\n")
def ready():
    tell("ready", study="s", max_attempts=2)
    return os.read(given["control"], 1)
def die(number=signal.SIGKILL):
    os.kill(os.getpid(), number)
"""

Play = Callable[[str], tuple[int, list[str]]]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "children"


@pytest.fixture
def child(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Let the children do this; `turn` counts them from 1."""

    def make(does: str) -> Path:
        script = tmp_path / "child"
        head = CHILD.format(python=sys.executable, variable=VARIABLE, log=str(log))
        script.write_text(head + textwrap.dedent(does), encoding="utf-8")
        script.chmod(0o755)
        return script

    return make


@pytest.fixture
def play(child: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run a worker whose children do this: its exit status and what it says."""

    def run(does: str) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "executable", str(child(does)))
        monkeypatch.setattr(hpo.supervisor, "LONGEST_PAUSE_S", 0.0)
        said: list[str] = []
        worker = Supervisor(
            ["--threads", "2"], ["--config", "demo"], os.environ, said.append, stopped_status=75
        )
        return worker.run(), said

    return run


def children(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("status", [0, 1, 2])
def test_an_end_that_nobody_asked_for_is_passed_on(play: Play, log: Path, status: int) -> None:
    assert play(f"sys.exit({status})") == (status, [])
    (only,) = children(log)
    assert only["words"] == ["--config", "demo", "--threads", "2"]
    assert str(only["worker"]).startswith(f"{only['host']}-{os.getpid()}-")
    assert (only["pid"], only["trials"], only["dead"]) == (os.getpid(), 0, [])


def test_a_child_that_dies_is_followed_by_another_which_sees_to_its_lease(
    play: Play, log: Path
) -> None:
    status, said = play("assert ready() == b'g'\nif turn == 1: die(signal.SIGSEGV)")
    assert status == 0
    assert said == ["the working process died (SIGSEGV); another one goes on"]
    first, second = children(log)
    assert second["dead"] == [first["worker"]]
    assert second["worker"] != first["worker"]
    assert second["words"] == ["--study", "s", "--threads", "2"]


@pytest.mark.parametrize(
    ("kills", "how"), [(4, "SIGKILL, out of memory"), (3, "SIGKILL"), (None, "SIGKILL")]
)
def test_a_child_that_the_kernel_killed_for_want_of_memory_is_told_from_others(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int | None, how: str
) -> None:
    vmstat = tmp_path / "vmstat"
    monkeypatch.setattr(hpo.oom_kills, "VMSTAT", vmstat)
    if kills is not None:
        vmstat.write_text("pgfault 12\noom_kill 3\ndrop_pagecache 0\n", encoding="utf-8")
    counts = f"open({str(vmstat)!r}, 'w').write('oom_kill {kills}')" if kills else "pass"
    status, said = play(f"ready()\nif turn == 1:\n  {counts}\n  die()")
    assert (status, said) == (0, [f"the working process died ({how}); another one goes on"])


def test_a_kill_of_another_process_before_an_evaluation_is_not_taken_for_the_childs(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmstat = tmp_path / "vmstat"
    monkeypatch.setattr(hpo.oom_kills, "VMSTAT", vmstat)
    vmstat.write_text("oom_kill 3\n", encoding="utf-8")
    counts = f"open({str(vmstat)!r}, 'w').write('oom_kill 4')"
    does = f"{counts}\nready()\nif turn == 1:\n  tell('evaluated')\n  die()"
    assert play(does)[1] == ["the working process died (SIGKILL); another one goes on"]


def test_a_lost_gpu_counts_as_a_death(play: Play, log: Path) -> None:
    status, said = play("ready()\nif turn == 1: sys.exit(84)")
    assert status == 0
    assert said == ["the working process died (its GPU could not be used); another one goes on"]
    first, second = children(log)
    assert second["dead"] == [first["worker"]]
    assert (first["device_lost"], second["device_lost"]) == (False, True)


def test_a_child_that_asks_for_it_is_replaced_and_its_trials_count(play: Play, log: Path) -> None:
    status, said = play(
        """
        ready()
        tell("trial", error=None if turn == 1 else "broken")
        if turn < 3: sys.exit(83)
        """
    )
    assert (status, said) == (0, [])
    assert [(each["trials"], each["failures"]) for each in children(log)] == [
        (0, []),
        (1, []),
        (2, ["broken"]),
    ]
    assert all(each["dead"] == [] for each in children(log))


def test_the_dead_are_seen_to_by_the_first_child_that_gets_ready(play: Play, log: Path) -> None:
    play("if turn == 2: die()\nready()\nif turn == 1: die()\nif turn == 3: sys.exit(83)")
    names = [each["worker"] for each in children(log)]
    assert [each["dead"] for each in children(log)] == [[], names[:1], names[:1], []]


def test_a_machine_on_which_every_child_dies_is_given_up(play: Play, log: Path) -> None:
    status, said = play("ready()\ndie()")
    assert status == 1
    assert len(children(log)) == 6  # three trials of two attempts each
    assert said[-1].startswith("worker ended: 6 working processes in a row died (SIGKILL) without")


def test_children_that_never_get_ready_are_given_up(play: Play, log: Path) -> None:
    status, said = play("die()")
    assert status == 1
    assert len(children(log)) == len(said) == DEATHS_AT_START


def test_an_evaluation_forgives_the_deaths_before_it(play: Play, log: Path) -> None:
    status, _ = play("ready()\ntell('evaluated')\nif turn < 12: die()")
    assert status == 0
    assert len(children(log)) == 12


@pytest.fixture
def start(child: Callable[[str], Path]) -> Callable[..., subprocess.Popen[str]]:
    """Start a worker with such children as a process with its own group; wait until one runs."""

    def run(does: str, stopped: int = 0) -> subprocess.Popen[str]:
        code = (
            # Whoever runs the tests may ignore SIGHUP, as nohup does, or SIGINT, as a shell's `&`.
            "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL);"
            "signal.signal(signal.SIGINT, signal.default_int_handler);"
            "from hpo.supervisor import Supervisor;"
            f"sys.executable = {str(child(does))!r};"
            f"sys.exit(Supervisor([], [], os.environ, print, stopped_status={stopped}).run())"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "child\n"
        return process

    return run


PATIENT = """
ready()
print("child", flush=True)
print(os.read(given["control"], 1), flush=True)
"""
DEAF = """
ready()
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("child", flush=True)
print(os.read(given["control"], 1), flush=True)
time.sleep(60)
"""
BUSY = f"{PATIENT}time.sleep(1)\nprint('saved', flush=True)"
YOUNG = "print('child', flush=True)\ntime.sleep(60)"

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_to_the_parent_asks_the_child(start: Start, name: str) -> None:
    worker = start(PATIENT)
    worker.send_signal(signal.Signals[name])
    assert worker.communicate(timeout=30)[0] == "b's'\n"
    assert worker.returncode == 0


@pytest.mark.parametrize("working", ["ready", "young", "failing"])
def test_a_stopped_worker_ends_with_the_status_that_its_scheduler_wants(
    start: Start, working: str
) -> None:
    does = {"ready": PATIENT, "young": YOUNG, "failing": f"{PATIENT}sys.exit(1)"}[working]
    worker = start(does, stopped=75)
    worker.terminate()
    worker.communicate(timeout=30)
    assert worker.returncode == (1 if working == "failing" else 75)


def test_a_killed_parent_asks_its_child(start: Start) -> None:
    worker = start(PATIENT)
    worker.kill()
    assert worker.communicate(timeout=30)[0] == "b''\n"


@pytest.mark.parametrize("to_group", [False, True])
def test_a_child_that_is_not_ready_ends_at_the_first_signal(start: Start, to_group: bool) -> None:
    worker = start(YOUNG)
    if to_group:
        os.killpg(worker.pid, signal.SIGTERM)
    else:
        worker.send_signal(signal.SIGTERM)
    assert worker.communicate(timeout=30)[0] == "worker ended: stopped as asked\n"
    assert worker.returncode == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_second_signal_ends_both_at_once(start: Start, name: str) -> None:
    worker = start(DEAF)
    assert worker.stdout is not None
    worker.send_signal(signal.Signals[name])
    assert worker.stdout.readline() == "b's'\n"
    signal.sigtimedwait([], SAME_REQUEST_S[signal.Signals[name]] + 0.2)
    worker.send_signal(signal.Signals[name])
    worker.communicate(timeout=30)  # ends only when the child has closed its output, too
    assert worker.returncode == -signal.Signals[name]


@pytest.mark.parametrize("pause_s", [0, 0.5])
def test_the_same_signal_twice_in_a_row_is_one_request(start: Start, pause_s: float) -> None:
    """As `timeout` sends it, and as SLURM does, whose second one may take some time."""
    worker = start(BUSY)
    assert worker.stdout is not None
    worker.send_signal(signal.SIGTERM)
    assert worker.stdout.readline() == "b's'\n"
    signal.sigtimedwait([], pause_s)
    worker.send_signal(signal.SIGTERM)
    assert worker.communicate(timeout=30)[0] == "saved\n"
    assert worker.returncode == 0
