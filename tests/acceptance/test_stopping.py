"""Workers that are asked to stop, killed or paused: their trial ends as if nothing had happened."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from acceptance.injected import at
from optuna.trial import FrozenTrial, TrialState

from storage.connect import connect
from storage.lease_rows import LeaseRow
from storage.leases import Leases
from storage.url import StorageURL

EPOCHS = 12
ONE_TRIAL = (
    *("worker", "--study", "s", "--config", "search.yaml"),
    *("-o", f"training.num_train_epochs={EPOCHS}"),
    *("-o", "optuna.n_trials=1"),
    *("-o", "optuna.pruner=none"),
)
STOPPED = 75
WORKER = ("worker", "--study", "s", "--stopped-status", str(STOPPED))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, few_dialogues: Path) -> FrozenTrial:
    """The trial as one worker trains it that nobody disturbs."""
    from acceptance.conftest import make_machine

    folder = tmp_path_factory.mktemp("undisturbed")
    (machine,) = make_machine(folder, few_dialogues, f"sqlite:///{folder / 'hpo.db'}")
    machine.run(*ONE_TRIAL)
    (trial,) = machine.trials()
    return trial


def assert_ended_as(machine, undisturbed: FrozenTrial) -> None:
    (trial,) = machine.trials()
    assert trial.state == TrialState.COMPLETE
    assert trial.params == undisturbed.params
    assert trial.value == undisturbed.value
    assert trial.intermediate_values == undisturbed.intermediate_values
    assert curve(trial) == curve(undisturbed)
    assert list(machine.folder.rglob("resume")) == []


def curve(trial: FrozenTrial) -> list[dict[str, float]]:
    """The evaluations without the time they took."""
    points = trial.system_attrs["hpo:curve"]
    return [{key: value for key, value in p.items() if key != "seconds"} for p in points]


def lease_of(machine) -> LeaseRow:
    """The lease of trial 0."""
    with connect(StorageURL.parse(machine.storage)) as database:
        study_id = database.storage.get_study_id_from_name("s")
        (row,) = Leases(database, study_id).rows()
        return row


def epochs_in(printed: str) -> list[int]:
    """The epochs that this run evaluated, or reported for a worker that had ended before."""
    told = r"trial 0  (?:epoch (\d+)/|reported from the checkpoint: epoch (\d+),)"
    return [int(here or before) for here, before in re.findall(told, printed)]


def working_process(parent: subprocess.Popen[str]) -> int:
    """The process id of a worker's child."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    (child,) = children.read_text(encoding="ascii").split()
    return int(child)


def test_a_trial_outlives_whatever_ends_its_workers(postgres_machine, until, undisturbed) -> None:
    machine = postgres_machine
    printed: list[str] = []

    def work(after: int, end: Callable[[subprocess.Popen[str]], None], status: int) -> None:
        """Let a worker evaluate until there are `after` reports, one of its own, then end it."""
        before = machine.reports() if printed else 0
        worker = machine.start(*(ONE_TRIAL if not printed else WORKER))
        until(lambda: machine.reports() >= max(after, before + 1))
        end(worker)
        printed.append(machine.finish(worker, status=status))

    work(2, lambda worker: worker.terminate(), 0)
    assert "stopped as asked" in printed[-1]
    work(4, lambda worker: os.killpg(worker.pid, signal.SIGINT), STOPPED)
    assert "stopped as asked" in printed[-1]
    work(6, lambda worker: worker.kill(), -signal.SIGKILL)  # the child ends in good order
    lease = lease_of(machine)
    assert (lease.attempt, lease.done, lease.expires_in < 0) == (1, False, True)

    before = machine.reports()
    worker = machine.start(*WORKER)
    until(lambda: machine.reports() >= max(8, before + 1))
    os.kill(working_process(worker), signal.SIGKILL)
    printed.append(machine.finish(worker))
    assert "the working process died (SIGKILL); another one goes on" in printed[-1]
    assert lease_of(machine).attempt == 2
    assert_ended_as(machine, undisturbed)
    assert sum(text.count("trial 0 continues at epoch ") for text in printed) == 4
    # Only the one that was killed without a word may have lost an evaluation.
    trained = [epoch for text in printed for epoch in epochs_in(text)]
    assert sorted(set(trained)) == list(range(1, EPOCHS + 1)), "".join(printed)
    assert len(trained) <= EPOCHS + 1


def test_a_trial_goes_on_when_both_processes_are_killed(sqlite_machine, until, undisturbed) -> None:
    machine = sqlite_machine
    worker = machine.start(*ONE_TRIAL, HPO_LEASE_S="3")
    until(lambda: machine.reports() >= 2)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert "trial 0 continues at epoch " in machine.run(*WORKER, HPO_LEASE_S="3")
    assert_ended_as(machine, undisturbed)
    assert lease_of(machine).attempt == 2


def test_a_worker_that_starts_up_stops_at_once(sqlite_machine, until) -> None:
    machine = sqlite_machine
    worker = machine.start(*ONE_TRIAL)
    until(lambda: Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text() != "")
    worker.terminate()
    assert "stopped as asked" in machine.finish(worker)
    assert machine.trials() == []


PAUSES = {
    "in an evaluation": ("sqlite_machine", "trainer.assess:assess"),
    "while it saves": ("postgres_machine", "trainer.resume_entry:Sealer.close"),
}


@pytest.mark.parametrize("when", PAUSES)
def test_a_paused_worker_drops_a_trial_that_it_lost(
    request, tmp_path: Path, undisturbed, when: str
) -> None:
    where, function = PAUSES[when]
    machine = request.getfixturevalue(where)
    fault = at(tmp_path / "fault", function, "if call == 3: os.kill(0, signal.SIGSTOP)")
    paused = machine.start(*ONE_TRIAL, HPO_LEASE_S="3", **fault)
    assert os.waitid(os.P_PID, paused.pid, os.WSTOPPED | os.WNOWAIT) is not None
    machine.run(*WORKER, HPO_LEASE_S="3")
    os.killpg(paused.pid, signal.SIGCONT)
    assert "another worker has it now" in machine.finish(paused)
    assert_ended_as(machine, undisturbed)
