"""Ctrl-C while modules load: real processes in which a module that hpo loads sends the signal."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hpo.ctrl_c import WORKING_PROCESS

PRESS = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
SWALLOW = "try:\n    import pressed\nexcept BaseException:\n    pass\n"


def config_shown(
    place: Path, *, environ: Mapping[str, str] | None = None, **modules: str
) -> subprocess.CompletedProcess[str]:
    """Run `hpo config show` where these modules are found before the installed ones."""
    for name, text in modules.items():
        (place / f"{name}.py").write_text(text, encoding="utf-8")
    path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", "hpo", "config", "show"],
        env=os.environ | {"PYTHONPATH": path, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("module", ["click", "yaml"])  # at the start, and in a command's body
@pytest.mark.parametrize("text", [PRESS, SWALLOW], ids=["raises", "swallows"])
def test_ctrl_c_in_an_import_ends_the_command_in_a_word(
    tmp_path: Path, module: str, text: str
) -> None:
    ended = config_shown(tmp_path, **{module: text, "pressed": PRESS})
    assert ended.returncode == 130
    assert ended.stderr == "stopped\n"
    assert ended.stdout == ""


def test_a_working_process_dies_of_it_without_a_word(tmp_path: Path) -> None:
    ended = config_shown(tmp_path, environ={WORKING_PROCESS: "{}"}, click=PRESS)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""


def test_a_command_in_the_background_of_a_script_ignores_ctrl_c_as_ever() -> None:
    ignoring = (
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from hpo.ctrl_c import end_imports_at_once\n"
        "end_imports_at_once()\n"
        "assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN\n"
    )
    subprocess.run([sys.executable, "-c", ignoring], check=True)
