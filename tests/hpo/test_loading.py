"""What a terminal shows while the libraries are loaded; pipes and files get nothing."""

import subprocess
import sys

import pytest
from terminal import Terminal

from hpo.loading import CLEAR_LINE, WORD

CODE = """
from hpo.loading import loading
with loading():
    print("<inside>", flush=True)
    {body}
print("<after>", flush=True)
"""


def code(body="pass"):
    return [sys.executable, "-c", CODE.format(body=body)]


def test_a_terminal_says_that_something_is_loaded_and_then_forgets_it(tmp_path):
    terminal = Terminal(code(), tmp_path)
    assert terminal.until("<inside>") == WORD
    assert CLEAR_LINE in terminal.until("<after>")
    assert terminal.close() == 0


def test_what_cannot_be_loaded_leaves_no_half_line(tmp_path):
    terminal = Terminal(code("import no_such_module"), tmp_path)
    terminal.until("<inside>")
    assert CLEAR_LINE in terminal.until("Traceback")
    assert terminal.close() == 1


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_pipe_gets_nothing(term, monkeypatch):
    monkeypatch.setenv("TERM", term)
    ran = subprocess.run(code(), capture_output=True, text=True, check=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("<inside>\n<after>\n", "")
