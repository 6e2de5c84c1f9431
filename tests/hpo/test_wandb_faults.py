"""W&B away, slow, full of errors or dead: no trial waits, and a worker's end is bounded."""

import importlib
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
import wandb_file
import wandb_server

from config.load import from_mapping
from hpo import wandb_mirror, wandb_run
from hpo.trial_info import Ending, TrialInfo
from hpo.wandb_mirror import open_mirror

CONFIG = from_mapping({"wandb": {"project": "kobart-search", "mode": "online"}})
COMPLETE = Ending("complete", 0.3, None, 12.5)
INFO = TrialInfo("kobart", 4, "kobart-4", "name", {}, {}, "rouge1")
ANSWERS = (401, 403, 404, 429, 500, "hang", "slow", "cut", "garbage")
UNREACHABLE = {"refused": "http://127.0.0.1:9", "unknown host": "http://no-such-host.invalid"}
MODULES = ("xgboost", "lightgbm", "catboost")  # wandb listens for them, and none is installed
ENDS_WITHIN_S = 10  # after it was told to; more than the worker's own bound, for a busy machine


def point(step):
    return {"step": step, "epoch": float(step), "rouge1": step / 10}


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", "k3y0" * 10)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_MODE", "online")
    with wandb_server.serving() as served:
        monkeypatch.setenv("WANDB_BASE_URL", served.url)
        yield served


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(wandb_run, "INIT_TIMEOUT_S", 1)
    monkeypatch.setattr(wandb_run, "FINISH_TIMEOUT_S", 1)


@pytest.fixture
def mirror(server, tmp_path):
    opened = open_mirror(CONFIG, tmp_path, os.environ)
    yield opened
    opened.close()


def tell(mirror, steps=(1, 2, 3)):
    mirror.start(INFO)
    for step in steps:
        mirror.evaluation(point(step))
    mirror.finish(COMPLETE)


def idle(mirror):
    """Wait until the mirror has worked on everything that it was told."""
    reached = threading.Event()
    mirror._tell(lambda _follower: reached.set())
    assert reached.wait(60)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", [*ANSWERS, *UNREACHABLE])
def test_whatever_it_answers_the_trial_is_written_offline(server, mirror, tmp_path, caplog, fault):
    if fault in UNREACHABLE:
        os.environ["WANDB_BASE_URL"] = UNREACHABLE[fault]  # the fixture restores it
    else:
        server.fault = fault
    tell(mirror)
    idle(mirror)
    mirror.close()
    assert "W&B can't be reached" in caplog.text
    (run,) = wandb_file.runs(tmp_path)
    assert (run.curve("eval/rouge1"), run.exit_code) == ([(1, 0.1), (2, 0.2), (3, 0.3)], 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["hang", 401, 403, 500])
def test_a_run_that_can_no_longer_be_sent_holds_up_nothing_and_the_next_trial_is_offline(
    server, mirror, tmp_path, fault
):
    mirror.start(INFO)
    mirror.evaluation(point(1))
    idle(mirror)
    server.fault = fault
    mirror.evaluation(point(2))
    mirror.finish(COMPLETE)
    tell(mirror)
    idle(mirror)
    mirror.close()
    assert [len(run.history) for run in wandb_file.runs(tmp_path)] == [3]


def kill_core():
    killed = wandb_run._service()
    assert killed is not None
    killed.kill()
    killed.wait()


def test_a_killed_wandb_core_is_started_again_and_the_run_lacks_nothing(server, mirror):
    mirror.start(INFO)
    mirror.evaluation(point(1))
    idle(mirror)
    kill_core()
    for step in (2, 3):
        mirror.evaluation(point(step))
    mirror.finish(COMPLETE)
    idle(mirror)
    (run,) = server.runs.values()
    assert run.curve("eval/rouge1") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert run.summary["state"] == "complete"


@pytest.mark.parametrize("evaluated", [False, True])
def test_a_worker_whose_wandb_core_was_asked_to_stop_too_leaves_its_trial_without_a_word(
    server, mirror, caplog, evaluated
):
    """SLURM and systemd signal every process of a job; Ctrl-C does not reach wandb's."""
    mirror.start(INFO)
    mirror.evaluation(point(1))
    idle(mirror)
    core = wandb_run._service()
    assert core is not None
    core.terminate()
    core.wait()
    if evaluated:
        mirror.evaluation(point(2))
    mirror.release()
    mirror.close()
    ours = [record for record in caplog.records if record.name.startswith("hpo.")]
    assert [record.getMessage() for record in ours] == []


def test_what_a_trial_imports_meets_no_wandb_whose_core_is_gone(
    server, mirror, tmp_path, monkeypatch
):
    """Names of modules of which wandb would tell its core, in the importing thread."""
    for name in MODULES:
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    mirror.start(INFO)
    mirror.evaluation(point(1))
    idle(mirror)
    kill_core()
    for name in MODULES:
        importlib.import_module(name)


def test_trial_after_trial_wraps_nothing_round_pythons_exit(server, mirror):
    before = sys.exit, sys.excepthook
    for _ in range(2):
        tell(mirror)
    idle(mirror)
    assert (sys.exit, sys.excepthook) == before


def test_no_call_waits_for_a_server_that_hangs(server, mirror, monkeypatch):
    monkeypatch.setattr(wandb_run, "INIT_TIMEOUT_S", 3600)
    server.fault = "hang"
    tell(mirror)
    # All was told, and nothing has come of it yet: the thread still waits to begin the run.
    assert mirror._thread.is_alive()
    assert server.bodies == []
    mirror.close(0)


STOPPED_WORKER = """
    import os, sys, threading
    from pathlib import Path
    sys.path.insert(0, {tests!r})
    from test_wandb_faults import CONFIG, INFO, point
    from hpo.wandb_mirror import open_mirror

    mirror = open_mirror(CONFIG, Path({folder!r}), os.environ)
    mirror.start(INFO)
    mirror.evaluation(point(1))
    threading.Event().wait(2)  # until wandb tries to begin the run
    mirror.release()
    print("stopped", flush=True)
    mirror.close(hurried=lambda: True)
"""


def test_a_stopped_worker_ends_in_time_and_leaves_no_process_of_wandb(server, tmp_path):
    server.fault = "hang"
    here = Path(__file__).parent
    code = textwrap.dedent(STOPPED_WORKER).format(tests=str(here), folder=str(tmp_path))
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(here.parent)])}
    worker = subprocess.Popen(
        [sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == b"stopped\n"
    # A process of wandb's that outlived it would hold the output open.
    printed, _ = worker.communicate(timeout=ENDS_WITHIN_S)
    assert worker.returncode == 0
    assert b"hpo mirror --study kobart sends what is missing" in printed
    assert b"Traceback" not in printed


def test_a_worker_that_is_asked_to_stop_while_it_sends_hurries(server, mirror, monkeypatch):
    monkeypatch.setattr(wandb_mirror, "HURRIED_S", 1.2)
    monkeypatch.setattr(wandb_run, "INIT_TIMEOUT_S", 3600)
    server.fault = "hang"
    tell(mirror)
    asked = threading.Event()
    closing = threading.Thread(target=lambda: mirror.close(3600, hurried=asked.is_set))
    closing.start()
    closing.join(0.5)
    assert closing.is_alive()
    asked.set()
    closing.join(ENDS_WITHIN_S)
    assert not closing.is_alive()
