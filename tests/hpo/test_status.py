"""What `hpo status` gathers, and how it shows it."""

import io
from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console
from trained_trial import OWN, tell_trained

from config.schema import Configuration
from hpo import study as studies
from hpo.durations import duration
from hpo.status import Status, collect, study_names
from hpo.status_view import view
from hpo.trial_record import BEST_EPOCH
from storage.connect import Database
from storage.leases import Lease, Leases
from storage.workers import Workers

LR = "training.learning_rate"


def finished(value: float | None, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    return create_trial(
        state=state,
        value=value,
        params={LR: 1e-4},
        distributions={LR: FloatDistribution(1e-5, 5e-4, log=True)},
        user_attrs={BEST_EPOCH: 2.0},
        intermediate_values={1: 0.1, 2: 0.2},
    )


def infeasible(value: float, state: TrialState = TrialState.PRUNED) -> FrozenTrial:
    trial = finished(value, state)
    trial.set_constraint("memory", 1.0)
    return trial


@pytest.fixture
def study(database: Database, configured: Callable[..., Configuration]) -> optuna.Study:
    config = configured(space={LR: {"low": 1e-5, "high": 5e-4, "log": True}}, n_trials=5)
    studies.create(database, "s", config, data_fingerprint="f" * 64)
    return optuna.load_study(study_name="s", storage=database.storage)


def shown(status: Status, *, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(view(status))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_new_study_has_its_budget_and_nothing_else(
    database: Database, study: optuna.Study
) -> None:
    status = collect(database, "s")
    assert status.as_json() == {
        "study": "s",
        "budget": 5,
        "taken": 0,
        "trials": {
            "complete": 0,
            "pruned": 0,
            "infeasible": 0,
            "running": 0,
            "failed": 0,
            "waiting": 0,
        },
        "told": 0,
        "brought": 0,
        "copied": 0,
        "better_told": None,
        "best": None,
        "workers": [],
        "time_left_s": None,
        "stopped": None,
        "extensions": [],
        "failures": [],
        "stale": [],
    }
    assert "0 of 5 taken" in shown(status)
    assert "no completed trial yet" in shown(status)


def test_trials_are_counted_by_state_and_the_best_is_named(
    database: Database, study: optuna.Study
) -> None:
    for trial in (
        finished(0.3),
        finished(0.5),
        finished(0.5),
        finished(0.9, TrialState.PRUNED),
        finished(None, TrialState.FAIL),
        infeasible(0.8),
    ):
        study.add_trial(trial)
    study.enqueue_trial({LR: 2e-5})
    status = collect(database, "s").as_json()
    assert status["trials"] == {
        "complete": 3,
        "pruned": 1,
        "infeasible": 1,
        "running": 0,
        "failed": 1,
        "waiting": 1,
    }
    assert "1 pruned, 1 infeasible, 0 running" in shown(collect(database, "s"))
    assert status["best"] == {"number": 1, "value": 0.5, "params": {LR: 1e-4}}


def test_what_another_program_told_is_counted_apart_and_named_where_it_is_better(
    database: Database, study: optuna.Study
) -> None:
    told = create_trial(
        value=0.9, params=finished(0.1).params, distributions=finished(0.1).distributions
    )
    study.add_trial(told)
    alone = shown(collect(database, "s"))
    assert "1 complete (1 told by another program)" in alone
    assert "best     trial 0 (0.9000) was told by another program and can't win: hpo retry" in alone
    study.add_trial(finished(0.3))
    status = collect(database, "s")
    assert status.as_json()["best"]["number"] == 1
    assert status.as_json()["told"] == 1
    assert status.as_json()["better_told"] == {"trial": 0, "value": 0.9, "retries": []}
    assert "\n         trial 0 (0.9000) was told" in shown(status)
    study.add_trial(finished(0.95))
    assert collect(database, "s").better_told is None


def test_a_copys_trials_are_counted_apart_from_its_budget(
    database: Database, study: optuna.Study
) -> None:
    for _ in range(2):
        study.add_trial(finished(0.3))
    study.add_trial(infeasible(0.8))
    study.add_trial(create_trial(value=0.9))
    optuna.copy_study(
        from_study_name="s",
        from_storage=database.storage,
        to_storage=database.storage,
        to_study_name="copy",
    )
    leases = Leases(database, database.storage.get_study_id_from_name("copy"))
    lease = leases.claim("w1", n_trials=5)
    assert isinstance(lease, Lease)
    copy = optuna.load_study(study_name="copy", storage=database.storage)
    trial = optuna.trial.Trial(copy, leases.start(lease).trial_id or 0)
    tell_trained(copy, trial, 0.4)
    leases.claim("w2", n_trials=5)
    status = collect(database, "copy")
    assert (status.taken, status.copied, status.told) == (2, 3, 1)
    assert status.best is not None
    assert status.best.number == 4
    assert "3 of them were trained in another study and copied here" in shown(status)


def test_trials_of_the_study_itself_are_no_copies(database: Database, study: optuna.Study) -> None:
    leases = Leases(database, database.storage.get_study_id_from_name("s"))
    study.enqueue_trial({LR: 2e-5})
    for worker in ("w1", "w2"):
        lease = leases.claim(worker, n_trials=5)
        assert isinstance(lease, Lease)
        trial = optuna.trial.Trial(study, leases.start(lease).trial_id or 0)
        tell_trained(study, trial, 0.4)
    leases.claim("w3", n_trials=5)
    study.add_trial(create_trial(value=0.9))
    status = collect(database, "s")
    assert (status.taken, status.copied, status.told) == (3, 0, 1)


def test_a_worker_is_shown_with_its_trial_and_its_last_report(
    database: Database, study: optuna.Study
) -> None:
    study_id = database.storage.get_study_id_from_name("s")
    leases, workers = Leases(database, study_id), Workers(database, study_id)
    workers.register("w1", host="host", pid=12, device="cpu")
    workers.register("w2", host="host", pid=13, device="cpu")
    workers.beat("w1", "training")
    lease = leases.claim("w1", n_trials=5)
    assert isinstance(lease, Lease)
    trial = optuna.trial.Trial(study, leases.start(lease).trial_id or 0)
    trial.report(0.25, 3)
    workers.leave("w2")

    status = collect(database, "s")
    (worker,) = status.workers
    assert (worker.worker, worker.doing, worker.trial, worker.epoch, worker.value) == (
        "w1",
        "training",
        0,
        3,
        0.25,
    )
    assert not worker.lost
    assert status.taken == status.running == 1
    assert "host:12" in shown(status)


def test_a_workers_epoch_is_counted_in_epochs_where_one_has_several_evaluations(
    database: Database, configured: Callable[..., Configuration]
) -> None:
    config = configured()
    training = config.training.model_copy(update={"evaluations_per_epoch": 2})
    twice = config.model_copy(update={"training": training})
    studies.create(database, "s", twice, data_fingerprint="f" * 64)
    study = optuna.load_study(study_name="s", storage=database.storage)
    study_id = database.storage.get_study_id_from_name("s")
    Workers(database, study_id).register("w1", host="host", pid=12, device="cpu")
    leases = Leases(database, study_id)
    lease = leases.claim("w1", n_trials=5)
    assert isinstance(lease, Lease)
    optuna.trial.Trial(study, leases.start(lease).trial_id or 0).report(0.25, 3)
    (worker,) = collect(database, "s").workers
    assert worker.epoch == 1.5


def test_pruned_trials_never_win(study: optuna.Study) -> None:
    study.add_trial(finished(0.9, TrialState.PRUNED))
    assert OWN.best(study) is None
    study.add_trial(finished(0.1))
    best = OWN.best(study)
    assert best is not None
    assert (best.number, best.value, best.epoch) == (1, 0.1, 2.0)


def test_infeasible_trials_never_win_in_any_state(study: optuna.Study) -> None:
    study.add_trial(infeasible(0.9))
    study.add_trial(infeasible(0.8, TrialState.COMPLETE))
    assert OWN.best(study) is None
    study.add_trial(finished(0.1))
    best = OWN.best(study)
    assert best is not None
    assert (best.number, best.value) == (2, 0.1)


def test_studies_are_listed_by_name(
    database: Database, study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    studies.create(database, "a", configured(), data_fingerprint="f" * 64)
    assert study_names(database) == ["a", "s"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (59.7, "1 min"),
        (120, "2 min"),
        (3599, "1.0 h"),
        (9000, "2.5 h"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("width", [40, 80])
def test_a_narrow_terminal_cuts_no_workers_name_off(
    database: Database, study: optuna.Study, width: int
) -> None:
    workers = Workers(database, study._study_id)
    hosts = [f"gpu-node-{number}.cluster.example.org" for number in range(3)]
    for number, host in enumerate(hosts):
        workers.register(f"w{number}", host=host, pid=4000 + number, device="cuda:0 NVIDIA H200")
    text = shown(collect(database, "s"), width=width)
    assert all(f"{host}:400{number}" in text for number, host in enumerate(hosts))
    assert "worker  " in shown(collect(database, "s"), width=200).splitlines()[3]


def test_a_narrow_terminal_folds_lines_beside_their_first_word(
    database: Database, study: optuna.Study
) -> None:
    study.add_trial(finished(0.4567))
    lines = shown(collect(database, "s"), width=40).splitlines()
    begun = {line[:9].strip() for line in lines[1:]}
    assert begun == {"trials", "best", "workers", ""}
    assert all(line == line.rstrip() for line in lines)
