import logging
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
import wandb_file

from config.load import from_mapping, to_mapping
from hpo.run_names import run_id, run_name
from hpo.trial_info import Ending, TrialInfo, shareable
from hpo.turnover import Turnover
from hpo.wandb_mirror import Mirror, WandbMirror, open_mirror

AT_ONCE_S = 0.1
CONFIG = from_mapping(
    {
        "general": {"project_name": "dialogue-summarization", "data_path": "/secret-place/data"},
        "wandb": {"project": "kobart-search", "entity": "nlp-team-5", "tags": ["kobart"]},
        "training": {"learning_rate": 3e-5, "num_train_epochs": 3},
    }
)
PRUNED = Ending("pruned", 0.2, "median at epoch 3: 0.2000 below 0.2500", 12.5)


def trial(number=4, config=CONFIG):
    return TrialInfo(
        study="kobart",
        number=number,
        run_id=run_id("kobart", "key", number),
        name=run_name(config),
        settings=shareable(to_mapping(config)),
        params={"training.learning_rate": 3e-5},
        metric="rouge_combined_f1",
    )


def point(step, score=None):
    score = step / 10 if score is None else score
    return {
        "step": step,
        "epoch": float(step),
        "rouge1": score + 0.1,
        "rouge2": score - 0.1,
        "rougeL": score,
        "rouge_combined_f1": score,
        "train_loss": 4.0 / step,
        "eval_loss": 4.5 / step,
        "learning_rate": 1e-5,
        "seconds": 2.0 * step,
    }


def tell(mirror, *, info=None, scores=(0.1, 0.3, 0.2), ending=PRUNED):
    """A whole trial; the longest that any one call took, in seconds."""
    calls = [
        lambda: mirror.start(info or trial()),
        *(lambda s=s, v=v: mirror.evaluation(point(s, v)) for s, v in enumerate(scores, 1)),
        lambda: mirror.finish(ending),
    ]
    longest = 0.0
    for call in calls:
        began = time.monotonic()
        call()
        longest = max(longest, time.monotonic() - began)
    return longest


@pytest.fixture
def offline(tmp_path):
    mirror = open_mirror(CONFIG, tmp_path, {"WANDB_MODE": "offline"})
    yield mirror
    mirror.close()


class TestOfflineRun:
    def test_holds_names_settings_curve_and_summary(self, offline, tmp_path):
        tell(offline)
        offline.close()
        (run,) = wandb_file.runs(tmp_path)
        assert (run.run_id, run.name, run.group) == (trial().run_id, trial().name, "kobart")
        assert (run.project, run.entity, run.tags) == ("kobart-search", "nlp-team-5", ("kobart",))
        assert run.config["training"]["learning_rate"] == 3e-5
        assert (run.config["study"], run.config["trial"]) == ("kobart", 4)
        assert run.config["params"] == {"training.learning_rate": 3e-5}
        assert run.curve("eval/rouge_combined_f1") == [(1, 0.1), (2, 0.3), (3, 0.2)]
        assert run.curve("eval/best") == [(1, 0.1), (2, 0.3), (3, 0.3)]
        assert run.curve("train/loss") == [(1, 4.0), (2, 2.0), (3, pytest.approx(4 / 3))]
        assert run.curve("epoch") == [(1, 1), (2, 2), (3, 3)]
        assert {
            key: run.summary[key]
            for key in ("state", "reason", "duration_s", "value", "best/value", "best/epoch")
        } == {
            "state": "pruned",
            "reason": PRUNED.reason,
            "duration_s": 12.5,
            "value": 0.2,
            "best/value": 0.3,
            "best/epoch": 2,
        }

    @pytest.mark.parametrize(("state", "code"), [("complete", 0), ("pruned", 0), ("failed", 1)])
    def test_exits_with_1_only_when_the_trial_failed(self, offline, tmp_path, state, code):
        tell(offline, ending=Ending(state, reason="why"))
        offline.close()
        assert [run.exit_code for run in wandb_file.runs(tmp_path)] == [code]

    def test_there_is_one_for_each_trial_of_a_worker(self, offline, tmp_path):
        for number in range(3):
            tell(offline, info=trial(number))
        offline.close()
        runs = wandb_file.runs(tmp_path)
        assert [run.config["trial"] for run in runs] == [0, 1, 2]
        assert [len(run.history) for run in runs] == [3, 3, 3]

    def test_of_a_continued_trial_is_the_same_run_and_has_each_step_once(self, tmp_path):
        first = open_mirror(CONFIG, tmp_path, {})
        first.start(trial())
        first.evaluation(point(1))
        first.close()
        second = open_mirror(CONFIG, tmp_path, {})
        second.start(trial(), [point(1)])
        for step in (1, 2):
            second.evaluation(point(step))
        second.finish(PRUNED)
        second.close()
        left, whole = sorted(wandb_file.runs(tmp_path), key=lambda run: len(run.history))
        assert left.run_id == whole.run_id
        assert left.preempting
        assert [row["_step"] for row in whole.history] == [1, 2]

    def test_takes_scores_that_are_no_numbers(self, offline, tmp_path):
        tell(offline, scores=(float("nan"), 0.3))
        offline.close()
        (run,) = wandb_file.runs(tmp_path)
        assert run.summary["best/value"] == 0.3

    def test_of_a_project_without_a_name_takes_the_experiments(self, tmp_path):
        config = from_mapping({"general": {"project_name": "ours"}})
        mirror = open_mirror(config, tmp_path, {})
        tell(mirror)
        mirror.close()
        assert [run.project for run in wandb_file.runs(tmp_path)] == ["ours"]

    def test_writes_nothing_to_the_terminal(self, offline, capfd):
        tell(offline)
        offline.close()
        assert capfd.readouterr() == ("", "")

    def test_and_its_logs_hold_no_key_and_nothing_of_the_machine(
        self, offline, tmp_path, monkeypatch
    ):
        monkeypatch.setenv("WANDB_API_KEY", "k3y" * 14)
        monkeypatch.setattr(socket, "gethostname", lambda: "host-of-secrets")
        tell(offline)
        offline.close()
        files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        for mark in (b"k3yk3y", b"secret-place", b"host-of-secrets", sys.executable.encode()):
            assert not any(mark in content for content in files)


class FakeRun:
    def __init__(self, log=lambda: None, finish=lambda: None):
        self._log = log
        self._finish = finish

    def log(self, _point):
        self._log()

    def finish(self, _ending):
        self._finish()

    def release(self):
        pass


def fails(*_args):
    raise RuntimeError("wandb is broken")


class TestFaults:
    def test_of_wandb_are_logged_once_with_the_traceback_and_then_counted(self, caplog):
        mirror = WandbMirror(fails, "offline")
        assert tell(mirror) < AT_ONCE_S
        mirror.close()
        traced = [record for record in caplog.records if record.exc_info]
        assert len(traced) == 1
        assert "errors and 0 lost updates" in caplog.text

    def test_a_wandb_that_hangs_delays_no_call_and_the_workers_end_by_a_bounded_time(self, caplog):
        never = threading.Event()
        mirror = WandbMirror(lambda *_args: never.wait(), "online")
        assert tell(mirror) < AT_ONCE_S
        began = time.monotonic()
        mirror.close(0.3)
        assert time.monotonic() - began < 1
        assert "not all was sent in time; hpo mirror --study kobart" in caplog.text
        never.set()

    def test_what_the_end_cuts_short_is_no_failure(self, caplog):
        opening, ended = threading.Event(), threading.Event()

        def cut_short(*_args):
            opening.set()
            ended.wait()
            fails()

        mirror = WandbMirror(cut_short, "offline", shut_down=lambda _seconds: ended.set())
        mirror.start(trial())
        opening.wait()
        mirror.close(0.3)
        mirror._thread.join()
        (record,) = caplog.records
        assert record.getMessage().startswith("W&B: not all was sent in time; hpo mirror")

    def test_a_slow_wandb_gets_all_there_is_time_for(self):
        logged = []
        run = FakeRun(log=lambda: (time.sleep(0.05), logged.append(1)))
        mirror = WandbMirror(lambda *_args: run, "online")
        assert tell(mirror) < AT_ONCE_S
        mirror.close(10)
        assert len(logged) == 3

    def test_more_than_the_queue_holds_is_dropped_and_said_once(self, caplog):
        never = threading.Event()
        mirror = WandbMirror(lambda *_args: never.wait(), "online", queue_events=5)
        mirror.start(trial())
        for step in range(1, 100):
            mirror.evaluation(point(step))
        mirror.close(0.1)
        assert caplog.text.count("W&B is slow and misses updates") == 1
        assert "lost updates" in caplog.records[-1].getMessage()
        never.set()

    def test_a_trial_that_lost_an_evaluation_gets_none_after_it_and_the_next_is_whole(self):
        steps, go_on = [], threading.Event()

        class Run(FakeRun):
            def log(self, new):
                steps.append(new["step"])

        mirror = WandbMirror(lambda *_args: go_on.wait() and Run(), "online", queue_events=3)
        mirror.start(trial(1))
        time.sleep(0.2)  # until the thread waits for the run
        for step in range(1, 6):
            mirror.evaluation(point(step))
        go_on.set()
        while not mirror._events.empty():
            time.sleep(0.01)
        mirror.evaluation(point(6))
        mirror.start(trial(2))
        mirror.evaluation(point(1))
        mirror.close(10)
        assert steps == [1, 2, 3, 1]

    def test_a_run_is_ended_when_the_next_trial_trains_and_none_is_waited_for(self):
        turnover, ended = Turnover(), []
        run = FakeRun(finish=lambda: ended.append(1))
        mirror = WandbMirror(lambda *_args: run, "online", turnover=turnover)
        mirror.start(trial(1))
        turnover.begin()
        mirror.finish(PRUNED)
        time.sleep(0.2)  # in which it would end it
        assert not ended
        turnover.end()
        mirror.start(trial(2))
        turnover.begin()
        mirror.finish(PRUNED)
        mirror.close(10)
        assert len(ended) == 2

    def test_wandbs_own_process_is_ended_with_the_time_that_is_left(self):
        given = []
        mirror = WandbMirror(lambda *_args: FakeRun(), "online", shut_down=given.append)
        tell(mirror)
        mirror.close(5)
        assert 4 < given[0] <= 5

    def test_a_full_disk_stops_nobody(self, tmp_path, caplog):
        """A folder that can't be made stands for a disk that takes nothing."""
        (tmp_path / "file").write_text("")
        mirror = open_mirror(CONFIG, tmp_path / "file" / "folder", {})
        assert tell(mirror) < AT_ONCE_S
        mirror.close()
        assert "W&B failed" in caplog.text


class TestUnreachableServer:
    @pytest.fixture
    def silent_server(self):
        """A port that takes connections and never answers."""
        with closing(socket.create_server(("127.0.0.1", 0))) as server:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"

    def test_delays_no_call_and_leaves_an_offline_run(
        self, silent_server, tmp_path, monkeypatch, caplog, capfd
    ):
        monkeypatch.setattr("hpo.wandb_run.INIT_TIMEOUT_S", 2)
        environ = {"WANDB_MODE": "online", "WANDB_API_KEY": "k3y" * 14}
        for name, value in {**environ, "WANDB_BASE_URL": silent_server}.items():
            monkeypatch.setenv(name, value)
        mirror = open_mirror(CONFIG, tmp_path, environ)
        assert tell(mirror) < AT_ONCE_S
        mirror.close()
        assert "W&B can't be reached" in caplog.text
        (run,) = wandb_file.runs(tmp_path)
        assert [row["_step"] for row in run.history] == [1, 2, 3]
        assert capfd.readouterr() == ("", "")


class TestWithoutWandb:
    def test_a_disabled_mirror_does_nothing_and_imports_no_wandb(self, tmp_path):
        code = (
            "import sys; from pathlib import Path; from config.load import from_mapping;"
            "from hpo.wandb_mirror import open_mirror; from hpo.trial_info import Ending;"
            "config = from_mapping({'wandb': {'mode': 'disabled'}});"
            f"mirror = open_mirror(config, Path({str(tmp_path)!r}), {{}});"
            "mirror.start(None); mirror.evaluation({}); mirror.finish(Ending('complete'));"
            "mirror.release(); mirror.close(); assert 'wandb' not in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
        assert list(tmp_path.iterdir()) == []

    def test_a_wandb_that_is_not_installed_is_said_and_stops_nobody(
        self, tmp_path, monkeypatch, caplog
    ):
        monkeypatch.setitem(sys.modules, "wandb", None)  # as where it is not installed
        with caplog.at_level(logging.WARNING):
            mirror = open_mirror(CONFIG, tmp_path, {})
        assert type(mirror) is Mirror
        tell(mirror)
        assert "goes on without it" in caplog.text

    def test_a_wandb_that_is_broken_is_said_by_its_thread_and_stops_nobody(
        self, tmp_path, monkeypatch, caplog
    ):
        monkeypatch.setitem(sys.modules, "hpo.wandb_run", None)  # an import of it fails
        with caplog.at_level(logging.WARNING):
            mirror = open_mirror(CONFIG, tmp_path, {"WANDB_MODE": "offline"})
            tell(mirror)
            mirror.close()
        assert "goes on without it" in caplog.text

    def test_wandb_is_imported_by_the_first_trial_and_not_before(self, tmp_path):
        code = (
            "import os, sys; from pathlib import Path; from config.load import load;"
            "from hpo.wandb_mirror import open_mirror;"
            f"mirror = open_mirror(load('demo'), Path({str(tmp_path)!r}), os.environ);"
            "mirror.close(); assert 'wandb' not in sys.modules"
        )
        environ = os.environ | {"WANDB_MODE": "offline"}
        subprocess.run([sys.executable, "-c", code], check=True, env=environ)


def test_settings_of_the_machine_are_not_shared():
    shared = shareable(to_mapping(CONFIG))
    assert shared["general"] == {"project_name": "dialogue-summarization", "seed": 42}
