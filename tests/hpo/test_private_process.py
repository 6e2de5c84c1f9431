"""Real processes: what stands in their command lines, and in the tracebacks of crashes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpo.private_process import leave_process_list

MARK = "marked-word-77"
URL = f"postgresql://u:{MARK}@127.0.0.1:9/d?connect_timeout=2"
SHOW = """
import sys
from pathlib import Path
from hpo.private_process import leave_process_list
import os
leave_process_list(sys.orig_argv, os.environ)
print(Path("/proc/self/cmdline").read_text().split("\\0"), os.environ.get("HPO_STORAGE"))
"""
CRASH = """
import os, sys, threading
from hpo.private_process import hide_in_crashes
hide_in_crashes()
def fail(): raise RuntimeError("with " + os.environ["WANDB_API_KEY"])
thread = threading.Thread(target=fail); thread.start(); thread.join()
fail()
"""


def run(program, *words, **environ):
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
@pytest.mark.parametrize("words", [("--storage", URL), (f"--storage={URL}",)])
def test_a_password_in_the_command_line_goes_to_the_environment(words):
    said = run(SHOW, "status", *words, "--json", HPO_STORAGE="sqlite:///other.db")
    assert said.returncode == 0, said.stderr
    assert said.stdout.count(MARK) == 1
    assert said.stdout.strip().endswith(URL)
    assert "'status', '--json'" in said.stdout


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--storage"],
        ["--storage", "sqlite:///hpo.db"],
        ["--storage", "postgresql://u@h/d"],
        ["--storage", "postgresql://u:***@h/d"],
        ["--study", "a@b"],
    ],
)
def test_without_a_password_nothing_is_started_again(words, monkeypatch):
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("started again"))
    leave_process_list(["python", "-m", "hpo", "status", *words], {})


def test_a_crash_tells_no_secret_in_any_thread():
    said = run(CRASH, WANDB_API_KEY=MARK)
    assert said.returncode == 1
    assert said.stderr.count("RuntimeError: with ***") == 2
    assert MARK not in said.stderr
