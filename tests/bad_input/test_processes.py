"""A few of the cases in real processes, and what only a process has: signals, pipes, places."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bad_input.case import Case, error_lines, put, snapshot
from bad_input.registry import SUBJECTS

SUBJECTS_TRIED = ("configuration files", "storage URLs", "study names", "data files")
SAMPLE = [SUBJECTS[subject][len(SUBJECTS[subject]) // 2] for subject in SUBJECTS_TRIED]
HPO = [sys.executable, "-m", "hpo"]


def run(*words: str, place: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HPO, *words],
        cwd=place,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("case", SAMPLE, ids=lambda case: case.name[:80])
def test_a_process_refuses_as_the_function_does(case: Case, tmp_path: Path) -> None:
    put(case.files, tmp_path)
    before = snapshot(tmp_path)
    ended = run(*case.words, place=tmp_path, **case.environ)
    assert ended.returncode == case.status
    assert ended.stdout == ""
    (said,) = error_lines(ended.stderr)
    assert said.startswith("Error: ")
    assert snapshot(tmp_path) == before


def test_without_arguments_the_commands_are_shown(tmp_path: Path) -> None:
    ended = run(place=tmp_path)
    assert ended.returncode == 2
    assert "worker" in ended.stdout + ended.stderr


def test_a_poor_environment_is_enough(tmp_path: Path) -> None:
    environ = {"HOME": "", "TERM": "dumb", "LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}
    created = run("create", "-s", "한국어", "-c", "demo", place=tmp_path, **environ)
    assert created.returncode == 0, created.stderr
    shown = run("status", "-s", "한국어", place=tmp_path, **environ)
    assert shown.returncode == 0, shown.stderr
    assert "0 of 12 taken" in shown.stdout


def test_a_folder_that_takes_no_file_is_said(tmp_path: Path) -> None:
    ended = run("create", "-s", "s", "-c", "demo", place=Path("/sys"))  # closed to root too
    assert ended.returncode == 1
    assert len(error_lines(ended.stderr)) == 1
    assert "/sys/hpo.db" in ended.stderr


def test_ctrl_c_ends_the_dashboard_in_good_order(tmp_path: Path, unused_port: int) -> None:
    process = subprocess.Popen(
        [*HPO, "dashboard", "--port", str(unused_port)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # where it is: it serves now
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert printed == "Dashboard ended\n"
