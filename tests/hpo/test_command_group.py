"""The command line's own behaviour: near misses, Ctrl-C, and output that cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpo.cli import main

SHELL = {"LC_ALL": "C.UTF-8"}


def hpo_in_shell(line: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which $HPO is the command."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        env=os.environ | SHELL | {"HPO": f"{sys.executable} -m hpo"} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("wroker",), "no such command 'wroker'; did you mean worker?"),
        (("config", "shwo"), "no such command 'shwo'; did you mean show?"),
        (("설정",), "no such command '설정'; see hpo --help"),
        (("--", "-o"), "no such command '-o'; see hpo --help"),
    ],
)
def test_the_nearest_command_is_named(words: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(main, words, prog_name="hpo")
    assert result.exit_code == 2
    assert says in result.output


def test_ctrl_c_in_any_command_ends_it_without_a_traceback(monkeypatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("config.load.load", interrupted)
    result = CliRunner().invoke(main, ["config", "show"], prog_name="hpo")
    assert result.exit_code == 130
    assert result.output == "stopped\n"


@pytest.mark.parametrize("line", ["$HPO config show", "$HPO --help", "$HPO config check demo"])
def test_a_full_disk_behind_the_output_is_said(line: str) -> None:
    ended = hpo_in_shell(f"{line} >/dev/full")
    assert ended.returncode == 1
    assert ended.stderr == "Error: cannot go on: No space left on device\n"


@pytest.mark.parametrize(
    "line",
    ["$HPO config show >/dev/full 2>&1", "$HPO config show >&- 2>&-", "$HPO config show | true"],
)
def test_output_that_nobody_can_read_is_no_traceback(line: str) -> None:
    ended = hpo_in_shell(line)
    assert ended.returncode in {0, 1}
    assert ended.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_korean_crashes_no_terminal(tmp_path: Path, encoding: str) -> None:
    storage = f"sqlite:///{tmp_path}/hpo.db"
    environ = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "HPO_STORAGE": storage}
    line = "$HPO create -s 한국 -c demo && $HPO status && $HPO studies"
    ended = hpo_in_shell(line, **environ)
    assert ended.returncode == 0, ended.stderr
    shown = "한국" if encoding == "ascii" else r"\ud55c\uad6d"
    assert ended.stdout.count(shown) >= 3
