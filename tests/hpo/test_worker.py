"""A worker from its first claim to its end: limits, budgets, and trials that others have left."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from scripted_fit import ScriptedFit
from small_search import LR, Search, small_search

from config.schema import Configuration
from hpo import trial_record
from hpo.assignment import DEVICE_LOST, REPLACE
from hpo.own_trials import STUDY
from hpo.predecessors import bury
from hpo.worker import Limits
from storage.connect import Database, connect
from storage.errors import Missing, StorageError, Unreachable
from storage.failures import translated
from storage.leases import Lease
from storage.tables import LEASES, PARAMS, REPORTS, TRIALS
from trainer.errors import DeviceLost, DeviceTaken

MakeSearch = Callable[..., Search]


@pytest.fixture
def search(database: Database, tmp_path: Path) -> MakeSearch:
    def make(**options: Any) -> Search:
        return small_search(database, tmp_path, **options)

    return make


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ScriptedFit:
    scripted = ScriptedFit(0.1, 0.3, 0.2)
    monkeypatch.setattr("hpo.objective.fit", scripted)
    return scripted


def states(search: Search) -> list[str]:
    return [trial.state.name for trial in search.trials()]


def test_a_worker_ends_when_the_budget_is_spent(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=3)
    assert one.worker().run().reason == "the budget is spent"
    assert states(one) == ["COMPLETE"] * 3
    assert one.worker("w2").run().reason == "the budget is spent"
    assert len(fit.settings) == 3


def test_each_trial_is_trained_with_what_it_drew(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search()
    one.worker().run()
    drawn = [trial.params[LR] for trial in one.trials()]
    assert [settings.training.learning_rate for settings in fit.settings] == drawn
    assert len(set(drawn)) == 3


def test_max_trials_ends_a_worker_and_leaves_the_rest(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=5)
    ended = one.worker(max_trials=2).run()
    assert "as many as --max-trials allows" in ended.reason
    assert not ended.status
    assert states(one) == ["COMPLETE"] * 2
    one.worker("w2").run()
    assert states(one) == ["COMPLETE"] * 5


def fail_with(fit: ScriptedFit, *messages: str) -> None:
    """Let trial after trial fail with these messages; no message is no failure."""
    left = list(messages)

    def fail() -> None:
        message = left.pop(0) if left else ""
        if message:
            raise ValueError(message)

    fit.before[2] = fail


def test_three_equal_failures_in_a_row_end_a_worker(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=9)
    fail_with(fit, *["disk full"] * 9)
    ended = one.worker().run()
    assert ended.status
    assert "3 trials in a row failed alike: ValueError: disk full" in ended.reason
    assert states(one) == ["FAIL"] * 3


def test_failures_that_differ_in_their_numbers_are_alike(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=9)
    fail_with(
        fit,
        "no memory at step 7 for 512 MiB",
        "no memory at step 9 for 64 MiB",
        "no memory at step 1 for 2 MiB",
    )
    assert one.worker().run().status
    assert states(one) == ["FAIL"] * 3


@pytest.mark.parametrize(
    "messages",
    [("a", "b", "c", "a"), ("a", "a", "b", "a"), ("a", "a", "", "a", "a")],
    ids=["all differ", "one differs", "one succeeds"],
)
def test_other_failures_do_not_end_a_worker(
    search: MakeSearch, fit: ScriptedFit, messages: tuple[str, ...]
) -> None:
    one = search(n_trials=6)
    fail_with(fit, *messages)
    ended = one.worker().run()
    assert not ended.status
    failed = len([message for message in messages if message])
    assert sorted(states(one)) == ["COMPLETE"] * (6 - failed) + ["FAIL"] * failed


def begun_ago(search: Search, seconds: float) -> None:
    """Put a finished trial into the study that began so long ago by the database's clock."""
    first = create_trial(value=0.1)
    began = datetime.fromtimestamp(search.database.now() - seconds, UTC)
    first.datetime_start = began.replace(tzinfo=None)
    search.study.add_trial(first)


def test_after_the_studys_timeout_no_trial_begins_and_one_that_lost_its_worker_goes_on(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=9, timeout=1000)
    left = one.claim("dead")
    begun_ago(one, 1001)
    one.let_leases_run_out()
    ended = one.worker().run()
    assert ended.reason == "the study's timeout of 1000 s is over"
    assert len(fit.settings) == 1
    assert one.trials()[left.slot].state is TrialState.COMPLETE


def test_within_the_studys_timeout_trials_begin(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=2, timeout=1000)
    begun_ago(one, 900)
    assert one.worker().run().reason == "the budget is spent"
    assert len(fit.settings) == 2


def test_a_search_without_improvement_ends_and_an_extension_lets_it_go_on(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=9, stop={"patience": 3})
    ended = one.worker().run()
    assert ended.reason == (
        "no gain beyond 0.003 in the last 3 finished trials: 0.3000 before them (trial 0), the "
        "best of them 0.3000"
    )
    assert len(fit.settings) == 4
    assert one.worker("w2").run() == ended
    one.worker("w3").budget.extend(20)
    assert one.worker("w4").run().reason.startswith("no gain beyond 0.003")
    assert len(fit.settings) == 7


def test_a_worker_takes_up_an_extension_while_it_waits(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=1)
    other = one.claim("other")
    worker = one.worker(max_trials=1)

    def extend_then_go_on(_: float) -> bool:
        worker.budget.extend(2)
        return False

    monkeypatch.setattr(one.stop, "wait", extend_then_go_on)
    assert "as many as --max-trials" in worker.run().reason
    assert states(one) == ["RUNNING", "COMPLETE"]
    assert one.leases().renew(other)


def test_a_timeout_runs_only_from_the_first_trial(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=1, timeout=30)
    one.study.enqueue_trial({LR: 1e-4})
    assert one.worker().run().reason == "the budget is spent"


def test_no_wait_leaves_while_others_train(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=2)
    one.claim("other")
    ended = one.worker(wait=False).run()
    assert ended.reason == "the budget is taken; other workers run 1 trial"
    assert states(one) == ["RUNNING", "COMPLETE"]


def test_a_waiting_worker_takes_over_the_trial_of_one_that_died(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=2)
    monkeypatch.setattr(one.stop, "wait", lambda _: one.let_leases_run_out())
    dead = one.claim("dead")
    params = one.trial(dead).suggest_float(LR, 1e-5, 1e-3, log=True)
    ended = one.worker().run()
    assert ended.reason == "the budget is spent"
    assert states(one) == ["COMPLETE"] * 2
    assert fit.settings[-1].training.learning_rate == params
    (row,) = [row for row in one.leases().rows() if row.slot == dead.slot]
    assert (row.attempt, row.worker, row.done) == (2, "w1", True)
    assert one.shown.count("waiting for 1 trial of other workers") == 1
    assert "trial 0 continues" in one.shown


def test_a_waiting_worker_says_so_in_the_database_and_leaves_when_asked(
    search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=1)
    one.claim("other")
    doing: list[str] = []

    def look(seconds: float) -> bool:
        doing.extend(row.doing for row in one.workers.rows())
        one.stop.set()
        return True

    monkeypatch.setattr(one.stop, "wait", look)
    assert one.worker().run().reason == "stopped as asked"
    assert doing == ["waiting"]


def test_enqueued_trials_come_first_and_count(search: MakeSearch, fit: ScriptedFit) -> None:
    one = search(n_trials=3)
    one.study.enqueue_trial({LR: 2e-4})
    one.study.enqueue_trial({LR: 3e-4})
    one.worker().run()
    rates = [settings.training.learning_rate for settings in fit.settings]
    assert rates[:2] == [2e-4, 3e-4]
    assert states(one) == ["COMPLETE"] * 3
    assert one.leases().taken() == 3


def test_an_enqueued_value_outside_the_space_fails_that_trial_only(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=3)
    one.study.enqueue_trial({LR: 7.0})
    one.study.enqueue_trial({"training.learning_rat": 1e-4})
    ended = one.worker().run()
    assert ended.reason == "the budget is spent"
    assert states(one) == ["FAIL", "FAIL", "COMPLETE"]
    outside, unknown, _ = one.trials()
    assert "outside the range" in outside.user_attrs["hpo:error"]
    assert "did you mean training.learning_rate" in unknown.user_attrs["hpo:error"]
    assert len(fit.settings) == 1


def test_a_finite_space_with_nothing_left_gives_its_place_back(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    choices = [1e-5, 1e-4]
    one = search(n_trials=2, space={LR: {"choices": choices}})
    for choice in choices:  # tried without a lease, as by a program that is not ours
        one.study.add_trial(
            create_trial(
                value=0.1,
                params={LR: choice},
                distributions={LR: CategoricalDistribution(choices)},
            )
        )
    ended = one.worker().run()
    assert ended.reason == "every combination of the search space has been tried"
    assert one.leases().taken() == 0
    assert len(one.trials()) == 2


def test_a_finite_space_is_drawn_from_under_the_studys_lock(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=9, space={LR: {"choices": [1e-5, 1e-4, 1e-3]}})
    names: list[str] = []
    lock = one.database.lock

    def noted(name: str) -> AbstractContextManager[None]:
        names.append(name)
        return lock(name)

    monkeypatch.setattr(one.database, "lock", noted)
    assert one.worker().run().reason == "the budget is spent"
    assert sorted(trial.params[LR] for trial in one.trials()) == [1e-5, 1e-4, 1e-3]
    assert names == ["ask s"] * 3


def test_a_stop_gives_the_trial_to_the_next_worker_at_once(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)
    fit.before[2] = one.stop.set
    assert one.worker().run().reason == "stopped as asked"
    (left,) = one.trials()
    assert left.state is TrialState.RUNNING
    assert left.intermediate_values == {1: 0.1}
    assert "left as it stands; the next worker continues it" in one.shown

    lease = one.leases().claim("w2", n_trials=1)
    assert isinstance(lease, Lease)
    assert (lease.trial_id, lease.attempt, lease.continued) == (left._trial_id, 1, True)


def test_a_worker_that_was_asked_to_stop_takes_nothing(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search()
    one.stop.set()
    assert one.worker().run().reason == "stopped as asked"
    assert one.leases().taken() == 0


def test_a_worker_that_lost_its_trial_writes_nothing_and_goes_on(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)
    found: list[Any] = []

    def lose() -> None:
        one.let_leases_run_out()
        taken = one.leases().claim("w2", n_trials=1)
        assert isinstance(taken, Lease)
        found.extend((taken, one.trials()[0]))

    fit.before[2] = lose
    ended = one.worker(wait=False).run()
    assert ended.reason == "the budget is taken; other workers run 1 trial"
    taken, before = found
    assert one.trials()[0] == before
    assert before.intermediate_values == {1: 0.1}
    assert one.leases().renew(taken)
    assert one.mirror.words == ["start", "evaluation", "release"]
    assert "dropped: its lease ran out" in one.shown


def test_a_lost_trial_that_fails_is_not_failed_by_its_old_worker(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)

    def lose_and_fail() -> None:
        one.let_leases_run_out()
        one.leases().claim("w2", n_trials=1)
        raise ValueError("no matter")

    fit.before[2] = lose_and_fail
    one.worker(wait=False).run()
    (trial,) = one.trials()
    assert trial.state is TrialState.RUNNING
    assert trial.user_attrs == {STUDY: one.own.key}


DURING = {  # what a worker calls when the study is deleted, and how often before
    "at an evaluation": ("hpo.trial_run.TrialRun.on_evaluation", 2),
    "after the training": ("hpo.trial_run.TrialRun.ended", 1),
    "after the trial": ("hpo.worker.Worker._count", 1),
    "before the next": ("hpo.worker.Worker._close_by_its_rule", 2),
}


@pytest.mark.parametrize("when", DURING)
def test_a_worker_whose_study_is_deleted_ends_with_one_line(
    search: MakeSearch,
    fit: ScriptedFit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    when: str,
) -> None:
    place, number = DURING[when]
    one = search(n_trials=3, stop={"patience": 9})
    worker = one.worker()
    calls = count(1)
    owner, _, name = place.rpartition(".")
    real = getattr(resolve_name(owner), name)

    def then(*args: Any) -> object:
        if next(calls) == number:
            optuna.delete_study(study_name="s", storage=one.database.storage)
        return real(*args)

    monkeypatch.setattr(place, then)
    with caplog.at_level(logging.WARNING), pytest.raises(Missing, match="the study is no") as ended:
        worker.run()
    assert "\n" not in str(ended.value)
    assert caplog.records == []
    assert "dropped" not in one.shown


def lose(search: Search, table: sa.Table, *where: sa.ColumnElement[bool]) -> None:
    with search.database.writing() as connection:
        connection.execute(table.delete().where(*where))


LOSSES: dict[str, Callable[[Search], None]] = {
    "its last report": lambda one: lose(one, REPORTS, REPORTS.c.trial_id == 2, REPORTS.c.step == 1),
    "its parameters": lambda one: lose(one, PARAMS, PARAMS.c.trial_id == 2),
    "itself": lambda one: (
        lose(one, LEASES, LEASES.c.trial_id == 2),
        lose(one, TRIALS, TRIALS.c.trial_id == 2),
    )[0],
}


@pytest.mark.parametrize("lost", LOSSES)
def test_a_trial_that_lost_something_goes_on_in_a_fresh_process(
    search: MakeSearch, fit: ScriptedFit, lost: str
) -> None:
    one = search(n_trials=2)
    one.worker(max_trials=1).run()
    fit.before[2] = lambda: LOSSES[lost](one)
    ended = one.worker("w2").run()
    assert ended.status == REPLACE
    assert ended.reason.startswith("the database has lost what was written to it last")
    assert "failed" not in one.shown
    assert "another worker has it" not in one.shown
    fit.before.clear()
    assert again(one).worker("w3").run().spent
    trials = one.trials()
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 2
    assert [trial.params[LR] for trial in trials] == [
        fit.settings[n].training.learning_rate for n in (0, -1)
    ]
    assert trials[1].intermediate_values == {1: 0.1, 2: 0.3, 3: 0.2}
    assert {row.attempt for row in one.leases().rows()} == {1}


def again(one: Search) -> Search:
    """The search as a fresh process has it."""
    return replace(one, database=connect(one.database.url, create=False))


@pytest.mark.parametrize(
    "method",
    [
        "set_trial_param",  # while its parameters are drawn
        "set_trial_system_attr",  # at an evaluation
        "set_trial_intermediate_value",
        "set_trial_user_attr",  # at its end
        "set_trial_state_values",
    ],
)
def test_a_database_that_fails_ends_the_worker_and_not_the_trial(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    one = search(n_trials=1)
    worker = one.worker()

    def away(*_: object, **__: object) -> None:
        raise optuna.exceptions.StorageInternalError("the connection was lost")

    with monkeypatch.context() as patched:
        patched.setattr(one.database.storage, method, away)
        # As around every command's work.
        with pytest.raises(StorageError), translated(one.database.url):
            worker.run()
    (trial,) = one.trials()
    assert trial.state is TrialState.RUNNING

    one.let_leases_run_out()
    assert one.worker("w2").run().reason == "the budget is spent"
    assert states(one) == ["COMPLETE"]


def test_a_worker_that_is_asked_to_stop_while_the_database_is_away_ends_in_good_order(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=1)
    worker = one.worker()

    def away(*_: object) -> None:
        raise Unreachable("no answer")

    def lose_the_database() -> None:
        one.stop.set()
        monkeypatch.setattr(worker.leases, "release", away)

    fit.before[2] = lose_the_database
    ended = worker.run()
    assert ended.status == 0
    assert "the database is away, so leases run out by themselves" in ended.reason
    assert states(one) == ["RUNNING"]


def test_a_lost_device_asks_for_a_fresh_process_and_leaves_the_trial_to_it(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)

    def lose_the_device() -> None:
        raise DeviceLost("CUDA error: an illegal memory access was encountered")

    fit.before[2] = lose_the_device
    ended = one.worker().run()
    assert (ended.status, ended.goes_on) == (DEVICE_LOST, True)
    (left,) = one.trials()
    assert left.state is TrialState.RUNNING
    assert left.user_attrs == {STUDY: one.own.key}
    assert one.mirror.words == ["start", "evaluation", "release"]

    bury(one.database, "s", ["w1"])
    lease = one.leases().claim("w2", n_trials=1)
    assert isinstance(lease, Lease)
    assert (lease.trial_id, lease.attempt, lease.continued) == (left._trial_id, 2, True)
    assert [row.state for row in one.workers.rows()] == ["left"]


def test_a_trial_that_others_left_no_room_for_is_given_back_without_an_attempt(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)

    def find_the_card_full() -> None:
        raise DeviceTaken("other programs hold 20.0 of the card's 24.0 GiB")

    fit.before[2] = find_the_card_full
    ended = one.worker().run()
    assert (ended.status, ended.goes_on) == (DEVICE_LOST, True)
    (left,) = one.trials()
    assert left.state is TrialState.RUNNING
    lease = one.leases().claim("w2", n_trials=1)
    assert isinstance(lease, Lease)
    assert (lease.trial_id, lease.attempt, lease.continued) == (left._trial_id, 1, True)


def test_memory_that_a_trial_left_behind_asks_for_a_fresh_process(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=2)
    worker = one.worker()
    worker.excess = lambda: "memory has grown by 2000 MiB"
    ended = worker.run()
    assert (ended.status, ended.goes_on) == (REPLACE, True)
    assert "memory has grown by 2000 MiB" in ended.reason
    assert states(one) == ["COMPLETE"]


def test_the_trials_and_failures_of_the_processes_before_count(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=9)
    worker = one.worker(max_trials=3)
    worker.trials = 2
    assert worker.run().reason == "3 trials done, as many as --max-trials allows"
    assert states(one) == ["COMPLETE"]
    fail_with(fit, "disk full")
    failing = one.worker("w2")
    failing.failures = ["ValueError: disk full"] * 2
    assert failing.run().status == 1


def test_a_trial_that_the_dashboard_ended_does_not_stop_its_worker(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=4)

    def end_in_dashboard() -> None:
        number = one.trials()[-1].number
        if number < 3:
            one.elsewhere().tell(number, state=TrialState.FAIL)

    fit.before[2] = end_in_dashboard
    ended = one.worker().run()
    assert ended.reason == "the budget is spent"
    assert states(one) == ["FAIL", "FAIL", "FAIL", "COMPLETE"]
    assert "trial 0 was set to FAIL by another program" in one.shown
    assert all(row.done for row in one.leases().rows())


@pytest.mark.parametrize("before_tell", ["record_result", "record_error"])
def test_a_trial_that_another_program_ends_just_before_its_worker_does_stops_nobody(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch, before_tell: str
) -> None:
    one = search(n_trials=2)
    record = getattr(trial_record, before_tell)

    def end_elsewhere(*about: object) -> object:
        made = record(*about)
        if len(one.trials()) == 1:
            one.elsewhere().tell(0, 0.7)
        return made

    monkeypatch.setattr(trial_record, before_tell, end_elsewhere)
    if before_tell == "record_error":
        fail_with(fit, "disk full")
    assert one.worker().run().reason == "the budget is spent"
    first, second = one.trials()
    assert (first.state, first.value) == (TrialState.COMPLETE, 0.7)
    assert second.state.is_finished()
    assert "trial 0 was set to COMPLETE by another program" in one.shown


def test_a_trial_that_killed_its_workers_is_shown_with_a_note_and_the_search_goes_on(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=2, max_attempts=1)
    left = one.claim("dead")
    one.let_leases_run_out()
    assert one.worker().run().reason == "the budget is spent"
    assert states(one) == ["FAIL", "COMPLETE"]
    assert "trial 0 failed: killed its worker once" in one.shown
    attributes = one.database.storage.get_study_system_attrs(one.study._study_id)
    notes = {key: text for key, text in attributes.items() if f":{left.trial_id}" in key}
    assert any("**failed**: killed its worker once" in str(text) for text in notes.values())


def test_the_best_so_far_is_shown_with_the_next_evaluation(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=2)
    one.worker().run()
    assert "best none yet" in one.shown
    assert "best 0.3000 (trial 0)" in one.shown


def test_a_process_that_starts_shows_the_best_so_far_from_its_first_trial_on(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=2)
    one.worker(max_trials=1).run()
    before = one.shown
    one.worker("w2").run()
    assert "best none yet" not in one.shown.removeprefix(before)
    assert "best 0.3000 (trial 0)" in one.shown


def test_a_trial_under_way_is_seen_in_the_workers_list(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)
    doing: list[str] = []
    fit.before[1] = lambda: doing.extend(row.doing for row in one.workers.rows())
    one.worker().run()
    assert doing == ["training"]


def test_a_worker_says_what_it_does_when_that_changes_or_was_long_ago(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=3)
    worker = one.worker(max_trials=2)
    said: list[str] = []
    monkeypatch.setattr(one.workers, "beat", lambda _, doing: said.append(doing))
    worker.run()
    assert said == ["training"]
    monkeypatch.setattr("hpo.worker.BEAT_S", 0.0)
    worker.limits = Limits(max_trials=3)
    worker.run()
    assert said == ["training", "training"]


def test_a_lease_lives_while_a_trial_takes_longer_than_it(
    search: MakeSearch, fit: ScriptedFit
) -> None:
    one = search(n_trials=1)
    worker = one.worker()
    worker.leases = one.leases(0.6)
    fit.before[2] = lambda: time.sleep(1.5)
    worker.run()
    (row,) = one.leases().rows()
    assert (row.attempt, row.done) == (1, True)
    assert states(one) == ["COMPLETE"]


def test_settings_that_do_not_fit_together_fail_their_trial(
    search: MakeSearch, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = search(n_trials=1)

    def refuse(config: Configuration, params: dict[str, object]) -> Configuration:
        raise ValueError("these two cannot be together")

    monkeypatch.setattr("hpo.objective.apply", refuse)
    one.worker().run()
    (trial,) = one.trials()
    assert trial.state is TrialState.FAIL
    assert "these two cannot be together" in trial.user_attrs["hpo:error"]
