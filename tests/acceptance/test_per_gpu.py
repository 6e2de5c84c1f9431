"""Several workers of one command on one machine: the same trials as one worker trains."""

import signal
from pathlib import Path

import pytest
from acceptance.conftest import make_machine
from acceptance.injected import at
from optuna.trial import FrozenTrial, TrialState

RATES = (1e-4, 1e-3, 3e-3, 1e-2)
FOUR_TRIALS = (
    *("worker", "--study", "s", "--config", "search.yaml", "--threads", "1"),
    *("-o", f"optuna.n_trials={len(RATES)}", "-o", "optuna.pruner=none"),
    *("-o", f"optuna.search_space={{training.learning_rate: {{choices: {list(RATES)}}}}}"),
)


def curves(trials: list[FrozenTrial]) -> dict[object, object]:
    """What was found for each learning rate."""
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    return {
        trial.params["training.learning_rate"]: (
            trial.value,
            [{**point, "seconds": None} for point in trial.system_attrs["hpo:curve"]],
        )
        for trial in trials
    }


@pytest.fixture(scope="module")
def by_one_worker(tmp_path_factory, few_dialogues: Path) -> dict[object, object]:
    folder = tmp_path_factory.mktemp("one")
    (machine,) = make_machine(folder, few_dialogues, f"sqlite:///{folder / 'hpo.db'}")
    machine.run(*FOUR_TRIALS)
    return curves(machine.trials())


def test_two_on_one_cpu_find_what_one_finds_even_where_memory_is_short_between_them(
    postgres_machine, tmp_path: Path, by_one_worker
) -> None:
    machine = postgres_machine
    scarce = at(
        tmp_path / "fault",
        "trainer.split_steps:SplitSteps.add",
        "if call == 7: raise MemoryError('a neighbour has it')",
    )
    printed = machine.run(*FOUR_TRIALS, "--per-gpu", "2", **scarce)
    assert "waiting for the others on this card, to train it alone" in printed
    assert {line.split(" | ")[0] for line in printed.splitlines()} == {"cpu.1", "cpu.2"}
    assert curves(machine.trials()) == by_one_worker
    workers = {trial.user_attrs["hpo:machine"]["cpu_threads"] for trial in machine.trials()}
    assert workers == {1}


def test_ctrl_c_while_auto_measures_ends_with_no_trial_begun(sqlite_machine) -> None:
    auto = ("--per-gpu", "auto", "--stopped-status", "75")
    measuring = sqlite_machine.start(*FOUR_TRIALS, *auto, PYTHONUNBUFFERED="1")
    assert measuring.stdout is not None
    assert "measuring" in measuring.stdout.readline()
    measuring.send_signal(signal.SIGINT)
    assert "worker ended: stopped as asked" in sqlite_machine.finish(measuring, status=75)
    assert sqlite_machine.trials() == []


def test_one_ctrl_c_ends_all_in_good_order(sqlite_machine, until) -> None:
    machine = sqlite_machine
    two = ("--per-gpu", "2", "--stopped-status", "75")
    workers = machine.start(*FOUR_TRIALS, "-o", "training.num_train_epochs=50", *two)
    until(lambda: sum(bool(trial.intermediate_values) for trial in machine.trials()) == 2)
    workers.send_signal(signal.SIGINT)
    printed = machine.finish(workers, status=75)
    assert printed.count("left as it stands") == 2
    assert printed.count("stopped as asked") == 2


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGUSR1"])
def test_a_signal_before_there_is_a_worker_ends_with_the_status_for_the_scheduler(
    sqlite_machine, tmp_path: Path, name: str
) -> None:
    """Importing torch and waiting for a database take seconds and minutes."""
    code = f"os.kill(os.getpid(), signal.{name})"
    asked = at(tmp_path / "asked", "hpo.creation:ensure_study", code)
    two = ("--per-gpu", "2", "--stopped-status", "75")
    printed = sqlite_machine.run(*FOUR_TRIALS, *two, status=75, **asked)
    assert printed == "worker ended: stopped as asked\n"
    assert sqlite_machine.trials() == []
