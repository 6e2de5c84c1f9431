"""Runs in online mode, against a server that answers as W&B's does."""

from dataclasses import replace

import pytest
import wandb_server

from config.load import from_mapping, to_mapping
from hpo.run_names import run_id, run_name
from hpo.trial_info import Ending, TrialInfo, shareable
from hpo.wandb_files import read_held
from hpo.wandb_held import OPEN
from hpo.wandb_run import Target, open_run, shut_down

CONFIG = from_mapping({"wandb": {"project": "kobart-search", "tags": ["kobart"], "notes": "ours"}})
KEY = "k3y0" * 10
COMPLETE = Ending("complete", 0.3, None, 12.5)
INFO = TrialInfo(
    study="kobart",
    number=4,
    run_id=run_id("kobart", "key", 4),
    name=run_name(CONFIG),
    settings=shareable(to_mapping(CONFIG)),
    params={"training.learning_rate": 5e-5},
    metric="rougeL",
)


def point(step):
    return {
        "step": step,
        "epoch": step / 2,
        "rouge1": step / 10,
        "rouge2": step / 20,
        "rougeL": step / 10,
        "rouge_combined_f1": step / 12,
        "train_loss": 4.0 / step,
        "eval_loss": 4.5 / step,
        "learning_rate": 1e-5,
        "seconds": 2.0,
    }


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("WANDB_MODE")
    with wandb_server.serving() as served:
        monkeypatch.setenv("WANDB_BASE_URL", served.url)
        yield served
        shut_down(20)


@pytest.fixture
def target(tmp_path):
    return Target("kobart-search", None, ("kobart",), "ours", tmp_path)


@pytest.fixture
def opened(server, target):
    def begin(*earlier):
        return open_run(target, INFO, wire="online", earlier=[point(step) for step in earlier])

    return begin


def test_a_run_has_the_trials_names_settings_curve_and_summary(server, opened):
    run = opened()
    for step in (1, 2, 3):
        run.log(point(step))
    run.finish(COMPLETE)
    ((run_name_on_server, served),) = server.runs.items()
    assert run_name_on_server == INFO.run_id
    assert (
        served.fields.items()
        >= {
            "displayName": INFO.name,
            "groupName": "kobart",
            "project": "kobart-search",
            "tags": ["kobart"],
            "notes": "ours",
        }.items()
    )
    assert served.config["trial"] == 4
    assert served.config["training"]["learning_rate"] == 5e-5
    assert served.curve("eval/rougeL") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert served.curve("epoch") == [(1, 0.5), (2, 1), (3, 1.5)]
    assert (
        served.summary.items()
        >= {
            "state": "complete",
            "value": 0.3,
            "duration_s": 12.5,
            "best/value": 0.3,
            "best/epoch": 1.5,
            "evaluations": 3,
        }.items()
    )


@pytest.mark.parametrize(("state", "code"), [("complete", 0), ("pruned", 0), ("failed", 1)])
def test_only_a_failed_trial_is_a_failed_run(server, opened, state, code):
    opened().finish(Ending(state, reason="why"))
    assert server.runs[INFO.run_id].exit_code == code


def test_a_released_run_goes_on_where_it_was_left(server, opened):
    left = opened()
    left.log(point(1))
    left.log(point(2))
    left.release()
    assert server.runs[INFO.run_id].preempting
    goes_on = opened(1, 2)
    goes_on.log(point(3))
    goes_on.finish(COMPLETE)
    served = server.runs[INFO.run_id]
    assert served.begun == 2
    assert served.curve("eval/rougeL") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert served.curve("eval/best") == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert (served.exit_code, served.summary["evaluations"]) == (0, 3)


def test_a_run_gets_what_an_earlier_worker_could_not_send(server, opened):
    left = opened()
    left.log(point(1))
    left.release()
    opened(1, 2, 3).finish(COMPLETE)
    assert [step for step, _ in server.runs[INFO.run_id].curve("epoch")] == [1, 2, 3]


def test_a_run_written_again_is_the_same_run(server, opened):
    for _ in range(2):
        opened(1, 2, 3).finish(COMPLETE)
    assert list(server.runs) == [INFO.run_id]
    assert [step for step, _ in server.runs[INFO.run_id].curve("epoch")] == [1, 2, 3]


def test_nothing_sent_holds_the_key_or_names_the_machine(server, opened, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "host-of-secrets")
    run = opened()
    run.log(point(1))
    run.finish(COMPLETE)
    for mark in (KEY, "host-of-secrets", "/site-packages", "wandb-metadata", "requirements.txt"):
        assert not any(mark in body for body in server.bodies), mark


@pytest.fixture
def offline_run(target):
    yield open_run(target, INFO, wire="offline", earlier=[point(1)])
    shut_down(20)


def test_an_offline_file_that_is_closed_a_little_later_is_waited_for(offline_run, monkeypatch):
    looks = []

    def slow(file):
        looks.append(file)
        held = read_held(file)
        return held if len(looks) > 3 else replace(held, state=OPEN)

    monkeypatch.setattr("hpo.wandb_files.read_held", slow)
    offline_run.finish(COMPLETE)
    assert len(looks) > 3


def test_an_offline_file_that_is_never_closed_is_named_a_cut_off_run(offline_run, monkeypatch):
    monkeypatch.setattr("hpo.wandb_files.WHOLE_TIMEOUT_S", 0.2)
    monkeypatch.setattr(
        "hpo.wandb_files.read_held", lambda file: replace(read_held(file), state=OPEN)
    )
    with pytest.raises(OSError, match="cut off"):
        offline_run.finish(COMPLETE)
