from dataclasses import dataclass, field

import pytest

from hpo import wandb_follower
from hpo.trial_info import Ending, TrialInfo
from hpo.wandb_follower import ONLINE_AGAIN_S, Follower

COMPLETE = Ending("complete", 0.3)


def trial(number):
    return TrialInfo("s", number, f"s-{number}", "name", {}, {}, "rouge1")


def point(step):
    return {"step": step, "epoch": float(step), "rouge1": step / 10}


@dataclass
class FakeRun:
    trial: int
    wire: str
    steps: list
    ending: Ending | None = None
    released: bool = False
    finish_error: Exception | None = None

    def log(self, new):
        self.steps.append(new["step"])

    def finish(self, ending):
        self.ending = ending
        if self.finish_error is not None:
            raise self.finish_error

    def release(self):
        self.released = True


@dataclass
class FakeWandb:
    """Opens fake runs; a wire in `down` refuses."""

    down: set = field(default_factory=set)
    runs: list = field(default_factory=list)
    finish_error: Exception | None = None

    def open(self, info, wire, earlier):
        if wire in self.down:
            raise ConnectionError(f"{wire} is down\nwith details")
        steps = [each["step"] for each in earlier]
        run = FakeRun(info.number, wire, steps, finish_error=self.finish_error)
        self.runs.append(run)
        return run


@pytest.fixture
def wandb():
    return FakeWandb()


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(wandb_follower.time, "monotonic", lambda: now[0])
    return now


def test_each_trial_has_a_run_with_its_curve_and_ending(wandb):
    follower = Follower(wandb.open, "online")
    for number in (1, 2):
        follower.start(trial(number), ())
        follower.evaluation(point(1))
        follower.evaluation(point(2))
        follower.finish(COMPLETE)
    assert [(run.trial, run.wire, run.steps, run.ending) for run in wandb.runs] == [
        (1, "online", [1, 2], COMPLETE),
        (2, "online", [1, 2], COMPLETE),
    ]


def test_a_continued_trial_has_each_step_once(wandb):
    follower = Follower(wandb.open, "offline")
    follower.start(trial(1), (point(1), point(2)))
    for step in (1, 2, 3):
        follower.evaluation(point(step))
    assert wandb.runs[0].steps == [1, 2, 3]


def test_a_run_that_could_not_be_opened_is_opened_later_with_the_whole_curve(wandb):
    wandb.down = {"offline"}
    follower = Follower(wandb.open, "offline")
    with pytest.raises(ConnectionError):
        follower.start(trial(1), ())
    with pytest.raises(ConnectionError):
        follower.evaluation(point(1))
    wandb.down = set()
    follower.evaluation(point(2))
    follower.evaluation(point(3))
    assert wandb.runs[0].steps == [1, 2, 3]


def test_a_trial_that_ends_before_its_run_could_be_opened_is_written_at_its_end(wandb):
    wandb.down = {"offline"}
    follower = Follower(wandb.open, "offline")
    for told in (lambda: follower.start(trial(1), ()), lambda: follower.evaluation(point(1))):
        with pytest.raises(ConnectionError):
            told()
    wandb.down = set()
    follower.finish(COMPLETE)
    assert (wandb.runs[0].steps, wandb.runs[0].ending) == ([1], COMPLETE)


def test_an_unreachable_server_turns_runs_offline_in_one_line(wandb, caplog):
    wandb.down = {"online"}
    follower = Follower(wandb.open, "online")
    for number in (1, 2):
        follower.start(trial(number), ())
        follower.finish(COMPLETE)
    assert [run.wire for run in wandb.runs] == ["offline", "offline"]
    (record,) = caplog.records
    assert record.getMessage() == (
        "W&B can't be reached or refuses, trials go offline: online is down; later hpo mirror"
        " --study s sends what is missing"
    )


def test_the_server_is_tried_again_after_a_while(wandb, clock):
    wandb.down = {"online"}
    follower = Follower(wandb.open, "online")
    follower.start(trial(1), ())
    wandb.down = set()
    clock[0] += ONLINE_AGAIN_S - 1
    follower.start(trial(2), ())
    clock[0] += 1
    follower.start(trial(3), ())
    assert [run.wire for run in wandb.runs] == ["offline", "offline", "online"]


def test_a_server_too_slow_to_take_a_run_is_left_alone_for_a_while(wandb):
    wandb.finish_error = TimeoutError("30 s")
    follower = Follower(wandb.open, "online")
    follower.start(trial(1), ())
    with pytest.raises(TimeoutError):
        follower.finish(COMPLETE)
    follower.start(trial(2), ())
    assert [run.wire for run in wandb.runs] == ["online", "offline"]


def test_a_trial_that_was_left_is_released_when_the_next_begins(wandb):
    follower = Follower(wandb.open, "online")
    follower.start(trial(1), ())
    follower.start(trial(2), ())
    assert [run.released for run in wandb.runs] == [True, False]


def test_what_comes_without_a_trial_is_ignored(wandb):
    follower = Follower(wandb.open, "online")
    follower.evaluation(point(1))
    follower.finish(COMPLETE)
    follower.release()
    assert wandb.runs == []
