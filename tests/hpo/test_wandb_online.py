"""Online mode against a server that speaks W&B's protocol: openwandb, where OPENWANDB names it.

Its licence is non-commercial, so it is no dependency: it stands in an environment of its own
(`python -m venv DIR; DIR/bin/pip install openwandb`, then OPENWANDB=DIR/bin/openwandb). It keeps
neither groups nor exit codes, and doesn't say how much of a run's history it has, so wandb sends
a continued run's steps again; what W&B's own server answers is shown in test_wandb_run.py.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest

from config.load import from_mapping, to_mapping
from hpo.run_names import run_id
from hpo.trial_info import Ending, TrialInfo, shareable
from hpo.wandb_mirror import open_mirror

OPENWANDB = shutil.which(os.environ.get("OPENWANDB", ""))
KEY = "local" + "0" * 40  # the one openwandb begins with
STARTS_WITHIN_S = 30
CONFIG = from_mapping({"wandb": {"project": "kobart-search", "tags": ["kobart"], "mode": "online"}})

pytestmark = pytest.mark.skipif(
    OPENWANDB is None, reason="OPENWANDB names no openwandb executable; online mode is not tried"
)


class Server:
    """openwandb in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [OPENWANDB, "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with (folder / "openwandb.log").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(folder / "data")], stdout=log, stderr=log
            )

    def wait(self) -> None:
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        pytest.fail("openwandb did not start")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("openwandb"))
    started.wait()
    yield started
    started.process.send_signal(signal.SIGCONT)
    started.process.terminate()
    started.process.wait(10)


@pytest.fixture(autouse=True)
def logged_in(server, monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    for name, value in {
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": KEY,
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
    }.items():
        monkeypatch.setenv(name, value)


def trial(study, number=0):
    return TrialInfo(
        study=study,
        number=number,
        run_id=run_id(study, "key", number),
        name="kobart_lr3e-5_bs16_ep20",
        settings=shareable(to_mapping(CONFIG)),
        params={"training.learning_rate": 3e-5},
        metric="rougeL",
    )


def point(step):
    return {
        "step": step,
        "epoch": float(step),
        "rouge1": step / 10,
        "rouge2": step / 20,
        "rougeL": step / 10,
        "rouge_combined_f1": step / 12,
        "train_loss": 4.0 / step,
        "eval_loss": 4.5 / step,
        "learning_rate": 1e-5,
        "seconds": 2.0,
    }


def run_on_server(server, info):
    """The run as the server has it, its numbers by metric as (step, value)."""

    def get(path):
        with urllib.request.urlopen(f"{server.url}/api/v2/runs/{info.run_id}{path}") as answer:
            return json.load(answer)

    metrics = get("/metrics")["metrics_by_key"]
    curves = {key: [(row["step"], row["value"]) for row in rows] for key, rows in metrics.items()}
    return get("")["run"] | {"curves": curves}


def mirrored(tmp_path, info, steps, *, earlier=(), ending=None):
    mirror = open_mirror(CONFIG, tmp_path, os.environ)
    mirror.start(info, earlier)
    for step in steps:
        mirror.evaluation(point(step))
    if ending is not None:
        mirror.finish(ending)
    mirror.close()


def test_a_trial_is_a_run_with_its_name_settings_curve_and_summary(tmp_path, server):
    info = trial("whole")
    mirrored(tmp_path, info, (1, 2, 3), ending=Ending("pruned", 0.3, "median", 12.5))
    run = run_on_server(server, info)
    assert (run["display_name"], run["state"], run["tags"]) == (info.name, "finished", ["kobart"])
    assert run["config"]["trial"]["value"] == 0
    assert run["curves"]["eval/rougeL"] == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert run["curves"]["epoch"] == [(1, 1), (2, 2), (3, 3)]
    assert (
        run["summary"].items()
        >= {
            "state": "pruned",
            "reason": "median",
            "duration_s": 12.5,
            "best/value": 0.3,
            "best/epoch": 3,
        }.items()
    )


def test_a_failed_trial_says_why_in_its_summary(tmp_path, server):
    info = trial("failed")
    mirrored(tmp_path, info, (1,), ending=Ending("failed", reason="out of memory"))
    summary = run_on_server(server, info)["summary"]
    assert (summary["state"], summary["reason"]) == ("failed", "out of memory")


def test_a_continued_trial_goes_on_in_its_run(tmp_path, server):
    info = trial("continued")
    mirrored(tmp_path / "one", info, (1, 2))
    first = run_on_server(server, info)
    mirrored(
        tmp_path / "other",
        info,
        (3,),
        earlier=[point(1), point(2)],
        ending=Ending("complete", 0.3),
    )
    run = run_on_server(server, info)
    assert run["id"] == first["id"]
    assert (run["state"], run["summary"]["state"]) == ("finished", "complete")
    assert set(run["curves"]["eval/rougeL"]) == {(1, 0.1), (2, 0.2), (3, 0.3)}


def test_a_server_that_stops_answering_delays_no_trial(tmp_path, server):
    info = trial("stopped")
    mirror = open_mirror(CONFIG, tmp_path, os.environ)
    mirror.start(info)
    mirror.evaluation(point(1))
    threading.Event().wait(3)  # until the run has begun
    server.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        mirror.evaluation(point(2))
        mirror.finish(Ending("complete", 0.2))
        assert time.monotonic() - began < 0.1
        mirror.close(2)
        assert time.monotonic() - began < 4
    finally:
        server.process.send_signal(signal.SIGCONT)
