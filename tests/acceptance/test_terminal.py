"""A worker in a terminal under a shell with job control, and one without any stream."""

import os
import subprocess
import sys

from optuna.trial import TrialState
from terminal import CURSOR, END, SUSPEND, Terminal

WORKER = "-m hpo worker --study s --config search.yaml -o optuna.n_trials=1 -o optuna.pruner=none"


def test_ctrl_z_gives_the_cursor_back_and_fg_goes_on_with_the_trial(sqlite_machine) -> None:
    machine = sqlite_machine
    shell = Terminal.shell(machine.folder)
    shell.type(f"HPO_STORAGE={machine.storage} {sys.executable} {WORKER}\n")
    shell.until("trial 0 starts")
    shell.type(SUSPEND)
    assert CURSOR in shell.until("Stopped")
    shell.type("fg\n")
    shell.until("epoch 1")
    shell.type(END)
    shell.until("worker ended: stopped as asked")
    shell.type("echo rc=$?\n")
    shell.until("rc=0")
    shell.type("exit\n")
    shell.close()


def test_a_worker_whose_every_stream_is_closed_trains(sqlite_machine) -> None:
    """As some daemons start their programs."""
    machine = sqlite_machine
    ended = subprocess.run(
        ["bash", "-c", f"{sys.executable} {WORKER} <&- >&- 2>&-"],
        cwd=machine.folder,
        env=os.environ | {"HPO_STORAGE": machine.storage},
        check=False,
    )
    assert ended.returncode == 0
    assert [trial.state for trial in machine.trials()] == [TrialState.COMPLETE]
