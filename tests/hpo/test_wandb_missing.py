"""`hpo mirror`: what W&B lacks is written from the database, any number of times alike."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import wandb_file
import wandb_server
from click.testing import CliRunner
from mirrored_study import COMPLETE, FAILED, LEFT, PRUNED, Listener, begin, fill
from scripted_fit import evaluation
from small_search import small_search

from config.load import from_mapping
from hpo.cli import main
from hpo.trial_info import Ending
from hpo.wandb_mirror import open_mirror
from hpo.wandb_missing import Shelf, open_shelf, write_missing
from hpo.wandb_run import Target, open_run, shut_down

KEY = "k3y0" * 10


@pytest.fixture
def search(database, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return small_search(database, tmp_path, n_trials=8)


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
def hpo_mirror(search, tmp_path):
    def run(*words, status=0):
        words = ["mirror", "--study", "s", "--storage", f"sqlite:///{tmp_path}/hpo.db", *words]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == status, result.output
        (line,) = result.output.splitlines()
        return line

    return run


@pytest.fixture
def told(search):
    """The trials as the database has them, and as a worker told them."""
    return list(fill(search).trials.values())


def mirror_live(search, told):
    """Let a worker's mirror tell of these trials."""
    mirror = open_mirror(search.config, Path(search.config.general.output_dir), os.environ)
    for trial in told:
        mirror.start(trial.info)
        for point in trial.curve:
            mirror.evaluation(point)
        if trial.ending is None:
            mirror.release()
        else:
            mirror.finish(trial.ending)
    mirror.close()


def held(server):
    """What the server holds of each run; wandb's own numbers differ from time to time."""
    return {
        name: (
            run.fields["displayName"],
            run.fields["groupName"],
            {key: value for key, value in run.config.items() if key != "_wandb"},
            [_ours(line) for _, line in sorted(run.lines.items())],
            _ours(run.summary),
            run.state,
        )
        for name, run in server.runs.items()
    }


def wandb_sync():
    files = Path("outputs/wandb").glob("offline-run-*")
    words = [sys.executable, "-m", "wandb", "sync", *map(str, files)]
    subprocess.run(words, check=True, capture_output=True)


def _ours(values):
    own = ("_timestamp", "_runtime", "_wandb")
    return {key: value for key, value in values.items() if key not in own}


@pytest.mark.usefixtures("told", "server")
class TestOnline:
    def test_it_writes_what_a_worker_would_have_written(
        self, search, told, server, hpo_mirror, monkeypatch
    ):
        assert hpo_mirror() == "W&B project dialogue-summarization: 6 written, 0 complete already"
        with wandb_server.serving() as other:
            monkeypatch.setenv("WANDB_BASE_URL", other.url)
            mirror_live(search, told)
            assert held(server) == held(other)
        assert [run.state for run in server.runs.values()] == (
            ["finished"] * 3 + ["failed"] * 2 + ["preempted"]
        )

    def test_the_second_time_it_touches_nothing(self, server, hpo_mirror):
        hpo_mirror()
        before, begun = held(server), [run.begun for run in server.runs.values()]
        assert hpo_mirror().endswith(": 0 written, 6 complete already")
        assert held(server) == before
        assert [run.begun for run in server.runs.values()] == begun

    def test_what_a_worker_has_written_is_left_as_it_is(self, search, told, hpo_mirror):
        mirror_live(search, told)
        assert hpo_mirror().endswith(": 0 written, 6 complete already")

    def test_of_a_run_that_was_cut_off_the_rest_is_written(self, search, told, server, hpo_mirror):
        cut = told[COMPLETE]
        mirror_live(search, [replace(cut, curve=cut.curve[:1], ending=None)])
        assert hpo_mirror("--trial", "0").endswith(": 1 written, 0 complete already")
        (run,) = server.runs.values()
        assert run.curve("eval/rouge1") == [(1, 0.1), (2, 0.3), (3, 0.2)]
        assert (run.state, run.summary["best/value"]) == ("finished", 0.3)

    def test_an_evaluation_in_between_that_is_lost_is_said_and_nothing_is_doubled(
        self, search, told, server, hpo_mirror
    ):
        trial = told[PRUNED]
        mirror_live(search, [replace(trial, curve=(trial.curve[0], trial.curve[2]))])
        lacks = ", W&B lacks evaluations of trial 1 that it takes no more"
        assert hpo_mirror("--trial", "1").endswith(f": 1 written, 0 complete already{lacks}")
        assert hpo_mirror("--trial", "1").endswith(f": 0 written, 1 complete already{lacks}")
        (run,) = server.runs.values()
        assert run.curve("eval/rouge1") == [(1, 0.1), (3, 0.2)]
        assert run.summary["evaluations"] == 3

    def test_an_ending_that_w_and_b_missed_is_written(self, search, told, server, hpo_mirror):
        """As of a trial whose workers all died, and that the next one failed."""
        mirror_live(search, [replace(told[FAILED], ending=None)])
        hpo_mirror("--trial", str(FAILED))
        (run,) = server.runs.values()
        assert (run.state, run.summary["reason"]) == (
            "failed",
            "RuntimeError: the kernel is broken",
        )
        assert len(run.lines) == 3

    def test_a_trial_that_goes_on_afterwards_is_the_same_run(
        self, search, told, server, hpo_mirror
    ):
        hpo_mirror("--trial", str(LEFT))
        config, folder = search.config, Path(search.config.general.output_dir)
        info, curve = told[LEFT].info, told[LEFT].curve
        run = open_run(Target.of(config, folder), info, wire="online", earlier=curve)
        run.log(evaluation(2, 0.4).as_mapping())
        run.finish(Ending("complete", 0.4))
        (served,) = server.runs.values()
        assert served.curve("eval/rouge1") == [(1, 0.1), (2, 0.4)]
        assert served.state == "finished"

    def test_a_run_that_its_live_worker_still_sends_is_left_until_the_worker_has_gone(
        self, search, told, server, hpo_mirror
    ):
        search.workers.register("w1", host="host", pid=1, device="cpu")
        search.workers.beat("w1", doing="training")
        mirror_live(search, [replace(told[COMPLETE], ending=None)])
        (run,) = server.runs.values()
        run.exit_code, run.preempting = None, False
        assert "1 left" in hpo_mirror("--trial", "0")
        search.workers.leave("w1")
        assert "1 written" in hpo_mirror("--trial", "0")
        assert run.state == "finished"

    @pytest.mark.parametrize("fault", [401, 500, "hang"])
    def test_where_w_and_b_refuses_it_ends_with_one_line_and_no_key(
        self, server, hpo_mirror, monkeypatch, fault
    ):
        monkeypatch.setattr("hpo.wandb_remote.ANSWER_TIMEOUT_S", 1)
        server.fault = fault
        line = hpo_mirror(status=1)
        assert line.startswith("Error: W&B refuses: ")
        assert line.endswith("; nothing was written")
        assert KEY not in line

    def test_a_call_that_was_killed_is_made_up_for_by_the_next(
        self, told, server, hpo_mirror, tmp_path
    ):
        words = ["mirror", "--study", "s", "--storage", f"sqlite:///{tmp_path}/hpo.db"]
        killed = subprocess.Popen([sys.executable, "-m", "hpo", *words])
        until = time.monotonic() + 60
        while len(server.runs) < 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        server.fault = "hang"
        killed.kill()
        killed.wait()
        server.fault = None
        hpo_mirror()
        assert hpo_mirror().endswith(": 0 written, 6 complete already")
        assert [len(run.lines) for run in server.runs.values()] == [len(t.curve) for t in told]


@pytest.mark.usefixtures("told")
class TestOffline:
    def test_it_writes_one_file_a_trial_and_the_second_time_none(self, hpo_mirror, tmp_path):
        folder = tmp_path / "outputs"
        assert hpo_mirror() == f"offline files in {folder}/wandb: 6 written, 0 complete already"
        assert hpo_mirror().endswith(": 0 written, 6 complete already")
        runs = wandb_file.runs(folder)
        assert [run.config["trial"] for run in runs] == list(range(6))
        assert [run.exit_code for run in runs] == [0, 0, 0, 1, 1, 1]
        assert [len(run.history) for run in runs] == [3, 3, 3, 3, 3, 1]

    def test_a_workers_own_files_count(self, search, told, hpo_mirror):
        mirror_live(search, told)
        assert hpo_mirror().endswith(": 0 written, 6 complete already")

    @pytest.mark.parametrize("keep", [0, 40, 0.5, 0.95])
    def test_a_damaged_file_does_not_count(self, hpo_mirror, tmp_path, keep):
        hpo_mirror("--trial", "0")
        (file,) = (tmp_path / "outputs/wandb").glob("offline-run-*/*.wandb")
        data = file.read_bytes()
        file.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
        assert "1 written" in hpo_mirror("--trial", "0")
        assert "1 complete already" in hpo_mirror("--trial", "0")

    def test_after_wandb_sync_w_and_b_lacks_nothing(self, server, hpo_mirror, monkeypatch):
        monkeypatch.setenv("WANDB_MODE", "offline")
        hpo_mirror()
        monkeypatch.delenv("WANDB_MODE")
        wandb_sync()
        assert hpo_mirror().endswith(": 0 written, 6 complete already")
        assert [len(run.lines) for _, run in sorted(server.runs.items())] == [3, 3, 3, 3, 3, 1]

    def test_wandb_sync_sends_the_whole_of_a_run_that_was_begun_twice(
        self, search, told, server, hpo_mirror, monkeypatch
    ):
        monkeypatch.setenv("WANDB_MODE", "offline")
        mirror_live(search, [replace(told[0], curve=told[0].curve[:2], ending=None)])
        hpo_mirror("--trial", "0")
        monkeypatch.delenv("WANDB_MODE")
        wandb_sync()
        (run,) = server.runs.values()
        assert run.curve("eval/rouge1") == [(1, 0.1), (2, 0.3), (3, 0.2)]
        assert run.state == "finished"


@pytest.mark.usefixtures("told")
class TestRefusals:
    def test_a_number_that_the_study_has_not_begun(self, hpo_mirror):
        assert "has begun no trial 9" in hpo_mirror("--trial", "9", status=1)

    def test_a_study_without_w_and_b(self, hpo_mirror, monkeypatch):
        monkeypatch.setenv("WANDB_MODE", "disabled")
        assert "W&B is switched off for study 's'" in hpo_mirror(status=1)

    def test_two_at_once_in_one_folder(self, hpo_mirror, tmp_path):
        target = Target.of(from_mapping({}), tmp_path / "outputs")
        with open_shelf(target, "offline"):
            assert "another hpo mirror writes to" in hpo_mirror(status=1)

    def test_one_run_that_is_refused_stops_not_the_others(self, search):
        written = []

        def write(trial):
            if trial.info.number == PRUNED:
                raise RuntimeError("run was deleted\nand more")
            written.append(trial.info.number)

        result = write_missing(search.database, "s", Shelf(lambda _id: [], write))
        assert written == [0, 2, 3, 4, 5]
        assert str(result) == ("5 written, 0 complete already, 1 failed (trial 1: run was deleted)")

    def test_a_w_and_b_that_is_gone_is_not_asked_for_every_run(self, search):
        def write(_trial):
            raise TimeoutError

        result = write_missing(search.database, "s", Shelf(lambda _id: [], write))
        assert (len(result.failed), result.untried) == (3, 3)
        assert "(trial 0: TimeoutError), 3 not tried" in str(result)


def test_a_trial_of_a_live_worker_is_left_to_it_unless_asked(search, server, hpo_mirror):
    run, _, _ = begin(search, Listener())
    run.on_evaluation(evaluation(1, 0.1))
    assert hpo_mirror().endswith(
        ": 0 written, 0 complete already, 1 left to the workers that write them now"
    )
    assert server.runs == {}
    assert hpo_mirror("--running").endswith(": 1 written, 0 complete already")
