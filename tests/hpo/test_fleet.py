"""Several workers: what each gets and shows, and how they end together."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.fleet import run_fleet
from hpo.seats import Seat
from hpo.worker_signals import SAME_REQUEST_S

REAL_PYTHON = sys.executable


def places(*gpus: str) -> list[Seat]:
    return [Seat(f"gpu{gpu}", {"CUDA_VISIBLE_DEVICES": gpu}) for gpu in gpus]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C as a terminal gives it: what runs in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for `python -m hpo worker`: says what it sees, then does what it is told."""
    script = tmp_path / "member"
    script.write_text(
        "#!/bin/sh\n"
        'echo "gpu $CUDA_VISIBLE_DEVICES got $*"\n'
        '[ -z "$6" ] || touch "$6.$CUDA_VISIBLE_DEVICES"\n'
        '[ "$5" = wait ] && { cat; echo asked; exit 0; }\n'
        '[ "$5" = deaf ] && sleep 60\n'
        'exit "$CUDA_VISIBLE_DEVICES"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    return tmp_path


def test_each_gpu_gets_its_worker_and_the_worst_status_is_the_fleets(
    members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_fleet(places("0", "3"), ["--study", "s"], environ=os.environ) == 3
    lines = sorted(capsys.readouterr().out.splitlines())
    assert lines == [
        "gpu0 | gpu 0 got -m hpo worker --study s",
        "gpu3 | gpu 3 got -m hpo worker --study s",
    ]


def test_ctrl_c_goes_on_to_every_worker(
    interruptible: None, members: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = members / "ready"

    def interrupt() -> None:
        while len(list(members.glob("ready.*"))) < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert run_fleet(places("0", "1"), ["x", "wait", str(ready)], environ=os.environ) == 0
    assert capsys.readouterr().out.count("asked") == 2


@pytest.mark.parametrize(
    ("member", "signals"), [("wait", ["SIGKILL"]), ("deaf", ["SIGTERM", "SIGTERM"])]
)
def test_a_fleet_that_ends_leaves_no_worker_behind(
    members: Path, member: str, signals: list[str]
) -> None:
    """The workers' end closes their output, and only then the reading ends."""
    code = (
        "import os, sys; from hpo.fleet import run_fleet; from hpo.seats import Seat;"
        "places = [Seat(gpu, {'CUDA_VISIBLE_DEVICES': gpu}) for gpu in '01'];"
        f"sys.executable = {sys.executable!r};"
        f"run_fleet(places, ['x', {member!r}, {str(members / 'ready')!r}], environ=os.environ)"
    )
    fleet = subprocess.Popen([REAL_PYTHON, "-c", code], stdout=subprocess.PIPE)
    while len(list(members.glob("ready.*"))) < 2:
        time.sleep(0.05)
    for each in signals:
        time.sleep(max(SAME_REQUEST_S.values()) + 0.2)
        fleet.send_signal(signal.Signals[each])
    fleet.communicate(timeout=30)
    assert fleet.returncode == -signal.Signals[signals[-1]]
