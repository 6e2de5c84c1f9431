"""Workers that are asked to stop, or die: their trial goes on under its number."""

import os
import signal

import pytest
from optuna.trial import TrialState

ONE_LONG_TRIAL = (
    *("-o", "training.num_train_epochs=20"),
    *("-o", "optuna.n_trials=1"),
    *("-o", "optuna.pruner=none"),
)


def create_one_long_trial(machine) -> None:
    machine.run("create", "--study", "s", "--config", "search.yaml", *ONE_LONG_TRIAL)


def assert_trial_0_was_continued_to_its_end(machine, before) -> None:
    (trial,) = machine.trials()
    assert trial.number == 0
    assert trial.params == before.params
    assert trial.state == TrialState.COMPLETE
    assert sorted(trial.intermediate_values) == list(range(1, 21))
    # On one CPU the second attempt finds what the first had reported.
    assert before.intermediate_values.items() <= trial.intermediate_values.items()
    assert [point["step"] for point in trial.system_attrs["hpo:curve"]] == list(range(1, 21))


@pytest.mark.parametrize(
    ("number", "where"),
    [(signal.SIGINT, "sqlite_machine"), (signal.SIGTERM, "postgres_machine")],
)
def test_a_stopped_worker_exits_cleanly_and_the_next_continues_its_trial(
    request, until, number, where
) -> None:
    machine = request.getfixturevalue(where)
    create_one_long_trial(machine)
    worker = machine.start("worker", "--study", "s")
    until(lambda: machine.reports() >= 2)
    worker.send_signal(number)
    printed = machine.finish(worker)
    assert "stopped as asked" in printed
    (before,) = machine.trials()
    assert before.state == TrialState.RUNNING

    assert "continues" in machine.run("worker", "--study", "s")
    assert_trial_0_was_continued_to_its_end(machine, before)


def test_a_killed_workers_trial_is_continued_by_the_next(machine, until) -> None:
    create_one_long_trial(machine)
    worker = machine.start("worker", "--study", "s", HPO_LEASE_S="3")
    until(lambda: machine.reports() >= 2)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    (before,) = machine.trials()

    machine.run("worker", "--study", "s", HPO_LEASE_S="3")
    assert_trial_0_was_continued_to_its_end(machine, before)


def test_a_paused_worker_that_lost_its_trial_drops_it_without_harm(postgres_machine, until) -> None:
    machine = postgres_machine
    create_one_long_trial(machine)
    paused = machine.start("worker", "--study", "s", HPO_LEASE_S="3")
    until(lambda: machine.reports() >= 2)
    os.killpg(paused.pid, signal.SIGSTOP)
    (before,) = machine.trials()
    machine.run("worker", "--study", "s", HPO_LEASE_S="3")
    os.killpg(paused.pid, signal.SIGCONT)
    assert "another worker has it now" in machine.finish(paused)
    assert_trial_0_was_continued_to_its_end(machine, before)
