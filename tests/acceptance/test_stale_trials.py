"""A trial of a program that knows Optuna only, and is killed: found, given up and tried again."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.trial import TrialState

from storage.url import StorageURL

PLAIN_OPTUNA = """
import sys, time, optuna

storage = optuna.storages.RDBStorage(sys.argv[1], heartbeat_interval=1)
study = optuna.load_study(study_name="s", storage=storage)

def objective(trial):
    trial.suggest_float("training.learning_rate", 1e-4, 3e-2, log=True)
    trial.suggest_float("training.warmup_ratio", 0.0, 0.3)
    trial.report(0.1, 1)
    time.sleep(600)

study.optimize(objective, n_trials=1)
"""


@pytest.fixture
def plain_optuna(postgres_machine, tmp_path: Path):
    """Another program at work on the study `s`."""
    script = tmp_path / "plain.py"
    script.write_text(PLAIN_OPTUNA, encoding="utf-8")
    url = StorageURL.parse(postgres_machine.storage).sqlalchemy

    def start() -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, str(script), url], stderr=subprocess.DEVNULL, start_new_session=True
        )
        postgres_machine.started.append(process)
        return process

    return start


def test_trial_of_a_killed_optuna_program_is_reaped_and_retried(
    postgres_machine, plain_optuna, until: Callable[[Callable[[], bool]], None]
) -> None:
    machine = postgres_machine
    machine.call(
        *("create", "--study", "s", "--config", "search.yaml"),
        *("-o", "optuna.n_trials=1", "-o", "training.num_train_epochs=1"),
    )
    program = plain_optuna()
    until(lambda: machine.reports() == 1)
    alive = machine.call("reap", "--study", "s", "--yes")
    assert "left alone until that is 10 min" in alive
    assert "nothing to reap" in alive
    program.send_signal(signal.SIGKILL)
    program.wait()

    (stale,) = json.loads(machine.call("status", "--json"))["stale"]
    assert stale["trial"] == 0
    assert "no lease, last heartbeat" in stale["why"]
    reaped = machine.call("reap", "--yes", "--older-than", "0")
    assert "trial 0 failed: no lease, last heartbeat" in reaped
    assert "next: hpo retry --study s --trial 0" in reaped
    (lost,) = machine.trials()
    assert lost.state == TrialState.FAIL
    assert "given up by hpo reap" in lost.user_attrs["hpo:error"]

    assert "trial 0 is queued again as trial 1" in machine.call("retry", "--trial", "0")
    machine.run("worker", "--study", "s")
    retried = machine.trials()[1:]
    assert [trial.state for trial in retried] == [TrialState.COMPLETE]
    assert retried[0].params == lost.params
    assert retried[0].user_attrs["hpo:retry_of"] == 0
