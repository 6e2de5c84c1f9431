"""`hpo status --watch` in a terminal of its own, under a shell with job control, and in a pipe."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import CURSOR, END, SUSPEND, WITHIN_S, Terminal

from config.schema import Configuration
from hpo import study as studies
from storage.connect import Database

WATCH = [sys.executable, "-m", "hpo", "status", "--watch"]
ALTERNATE, NORMAL = "\x1b[?1049h", "\x1b[?1049l"


@pytest.fixture
def place(database: Database, configured: Callable[..., Configuration], tmp_path: Path) -> Path:
    studies.create(database, "s", configured(), data_fingerprint="f" * 64)
    return tmp_path


def test_ctrl_z_gives_the_terminal_back_and_fg_goes_on(place: Path) -> None:
    shell = Terminal.shell(place)
    shell.type(f"{' '.join(WATCH)}\n")
    shell.until(ALTERNATE)
    shell.until("taken")
    shell.type(SUSPEND)
    given_back = shell.until("Stopped")
    assert NORMAL in given_back
    assert CURSOR in given_back
    shell.type("fg\n")
    shell.until(ALTERNATE)
    shell.until("taken")
    shell.type(END)
    shell.until(NORMAL)
    shell.until("taken")  # the last picture stays
    shell.type("echo rc=$?\n")
    shell.until("rc=0")
    shell.type("exit\n")
    shell.close()


def test_what_ends_it_leaves_no_terminal_without_a_cursor(place: Path) -> None:
    watching = Terminal(WATCH, place)
    watching.until("taken")
    os.kill(watching.pid, signal.SIGTERM)
    assert CURSOR in watching.until(NORMAL)
    assert watching.close() == -signal.SIGTERM


def test_a_pipe_gets_picture_after_picture_until_nobody_reads(place: Path) -> None:
    watching = subprocess.Popen(
        WATCH, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert watching.stdout is not None
    assert watching.stderr is not None
    shown = ""
    while shown.count("study s") < 2:
        shown += watching.stdout.readline()
    assert "\x1b" not in shown
    watching.stdout.close()
    assert watching.wait(WITHIN_S) == 1
    assert watching.stderr.read() == ""
    watching.stderr.close()
