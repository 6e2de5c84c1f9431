"""A worker as it is put together on a machine: what is its own there, and what is refused."""

import io
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from rich.console import Console
from scripted_fit import ScriptedFit
from small_search import RecordingMirror
from small_training import small_config, write_dialogues
from typing_extensions import override

import hpo.launch
from config.schema import Configuration
from hpo import study as studies
from hpo.assignment import DEVICE_LOST, Assignment
from hpo.errors import HpoError, NoSuchStudy, WorkerRefused, WrongInput
from hpo.launch import Machine, on_machine, work
from hpo.lease_length import lease_seconds
from hpo.parent import Parent, WorkingProcess
from hpo.stop import StopRequest
from hpo.worker import Ended, Limits
from storage.connect import Database
from storage.lease import LEASE_S
from storage.leases import Leases
from storage.workers import Workers
from trainer.data import fingerprint, locate_data
from trainer.errors import DataError, TrainerError

Work = Callable[..., Ended]


class ClosingMirror(RecordingMirror):
    """Counts how often it was closed."""

    closed = 0

    @override
    def close(self, timeout_s: float = 0.0, *, hurried: Callable[[], bool] = lambda: False) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study's output folder counts below the folder that a worker is started in."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> ClosingMirror:
    opened = ClosingMirror()
    monkeypatch.setattr(hpo.launch, "open_mirror", lambda *_: opened)
    return opened


@pytest.fixture
def fit(monkeypatch: pytest.MonkeyPatch) -> ScriptedFit:
    scripted = ScriptedFit(0.1, 0.2)
    monkeypatch.setattr("hpo.objective.fit", scripted)
    return scripted


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Configuration:
    return small_config(data, tmp_path / "outputs")


@pytest.fixture
def start(
    database: Database, config: Configuration, data: Path, mirror: ClosingMirror, fit: ScriptedFit
) -> Work:
    """Run a worker of a study `s`, which is pinned first."""
    found = fingerprint(locate_data(str(data)))
    studies.create(database, "s", config, data_fingerprint=found)

    def run(
        machine: Machine | None = None, *, max_trials: int = 1, device_lost: bool = False
    ) -> Ended:
        return work(
            database,
            "s",
            machine=machine or Machine(),
            limits=Limits(max_trials=max_trials),
            console=Console(file=io.StringIO()),
            process=this_process(device_lost=device_lost),
        )

    return run


def this_process(*, device_lost: bool = False) -> WorkingProcess:
    """Give a worker that has no parent, named as its parent would name it."""
    host, pid = socket.gethostname(), os.getpid()
    worker = f"{host}-{pid}-{secrets.token_hex(3)}"
    assignment = Assignment(worker, host, pid, control=-1, notices=-1, device_lost=device_lost)
    return WorkingProcess(assignment, Parent(), StopRequest())


def workers_of(database: Database) -> Workers:
    return Workers(database, database.storage.get_study_id_from_name("s"))


def test_a_lease_lasts_a_minute_unless_the_environment_says_otherwise() -> None:
    assert lease_seconds({}) == LEASE_S == 60
    assert lease_seconds({"HPO_LEASE_S": "2.5"}) == 2.5
    assert lease_seconds({"HPO_LEASE_S": "1"}) == 1


@pytest.mark.parametrize("given", ["0.9", "0", "-5", "nan", "inf", "a minute", ""])
def test_a_lease_of_no_use_is_refused(given: str) -> None:
    with pytest.raises(HpoError, match=f"HPO_LEASE_S={given}: give seconds, 1 or more"):
        lease_seconds({"HPO_LEASE_S": given})


def test_a_refused_lease_registers_no_worker(
    database: Database, start: Work, mirror: ClosingMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_LEASE_S", "0")
    with pytest.raises(HpoError, match="HPO_LEASE_S=0"):
        start()
    assert workers_of(database).rows() == []
    assert mirror.closed == 1


def test_a_worker_names_other_programs_trials_at_its_start_and_does_its_work(
    database: Database, start: Work, mirror: ClosingMirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("hpo.progress.Progress.say", lambda _self, text, **_: said.append(text))
    optuna.load_study(study_name="s", storage=database.storage).ask()
    assert start().reason.startswith("1 trial done")
    assert said[0].startswith("1 running trial without a lease")
    assert said[1].startswith("trial 1 starts")
    assert said[-1] == said[0]  # the search does not wait for it, so its end says so again


def test_flags_replace_what_belongs_to_the_machine_and_nothing_else(
    database: Database, start: Work, config: Configuration
) -> None:
    pinned = studies.read(database, "s")
    assert on_machine(pinned, Machine()) == config
    moved = on_machine(pinned, Machine(data="there", output="here", threads=3))
    assert moved.general.data_path == "there"
    assert moved.general.output_dir == "here"
    assert moved.general.cpu_threads == 3
    general = moved.general.model_copy(update=pinned.local)
    assert moved.model_copy(update={"general": general}) == config


def test_a_worker_writes_nowhere_that_only_the_database_names(
    database: Database, start: Work, fit: ScriptedFit, tmp_path: Path
) -> None:
    study_id = database.storage.get_study_id_from_name("s")
    local = {**studies.read(database, "s").local, "output_dir": "/var/tmp/not-ours"}
    database.storage.set_study_user_attr(study_id, studies.LOCAL, local)
    with pytest.raises(WrongInput, match=r"'/var/tmp/not-ours'.*--output"):
        start()
    assert not Path("/var/tmp/not-ours").exists()
    assert fit.folders == []
    start(Machine(output=str(tmp_path / "mine")))
    assert fit.folders == [tmp_path / "mine" / studies.read(database, "s").folder / "trial_00000"]


def test_a_worker_trains_with_its_machines_places_and_threads(
    database: Database, start: Work, fit: ScriptedFit, tmp_path: Path
) -> None:
    elsewhere = write_dialogues(tmp_path / "copy of the data")
    output = tmp_path / "scratch"
    start(Machine(data=str(elsewhere), output=str(output), threads=2))
    (settings,) = fit.settings
    assert settings.general.data_path == str(elsewhere)
    assert settings.general.cpu_threads == 2
    assert fit.folders == [output / studies.read(database, "s").folder / "trial_00000"]


def test_without_flags_a_worker_takes_what_the_creator_had(
    start: Work, fit: ScriptedFit, config: Configuration
) -> None:
    start()
    assert fit.settings[0].general == config.general


def test_other_data_are_refused_before_a_trial_is_taken(
    database: Database, start: Work, fit: ScriptedFit, data: Path, tmp_path: Path
) -> None:
    other = write_dialogues(tmp_path / "other", last_first=True)
    found = [fingerprint(locate_data(str(folder)))[:12] for folder in (data, other)]
    with pytest.raises(WorkerRefused, match="made with data {} .* here is {}".format(*found)):
        start(Machine(data=str(other)))
    assert fit.settings == []
    assert workers_of(database).rows() == []


def test_an_output_folder_that_no_model_could_be_saved_in_costs_no_trial(
    database: Database, start: Work, fit: ScriptedFit, tmp_path: Path
) -> None:
    with pytest.raises(TrainerError, match="no model can be saved in"):
        start(Machine(output=str(tmp_path / os.fsdecode("결과".encode("euc_kr")))))
    assert fit.settings == []
    assert workers_of(database).rows() == []


def test_a_worker_whose_gpu_is_gone_takes_no_trial_to_the_cpu(
    database: Database, start: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = start(device_lost=True)
    assert (ended.status, ended.goes_on) == (DEVICE_LOST, True)
    assert workers_of(database).rows() == []
    monkeypatch.setattr(hpo.launch, "pick_device", lambda: torch.device("cuda", 0))
    monkeypatch.setattr(hpo.launch, "device_name", lambda device: device.type)
    monkeypatch.setattr(hpo.launch, "check_kernels", lambda _: None)
    assert start(device_lost=True).reason.startswith("1 trial done")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("CUDA error: an illegal memory access was encountered", "cannot be used again"),
        ("CUDA error: CUDA-capable device(s) is/are busy or unavailable", "to itself"),
    ],
)
def test_a_card_that_fails_before_the_first_trial_asks_for_another_process(
    database: Database, start: Work, monkeypatch: pytest.MonkeyPatch, said: str, reason: str
) -> None:
    def prepare(*_: object) -> None:
        raise torch.AcceleratorError(said)

    monkeypatch.setattr("trainer.session.TrainingSession.prepare", prepare)
    ended = start()
    assert (ended.status, ended.goes_on) == (DEVICE_LOST, True)
    assert reason in ended.reason
    assert workers_of(database).rows() == []


def test_data_that_are_not_there_are_refused(start: Work) -> None:
    with pytest.raises(DataError, match="nowhere"):
        start(Machine(data="nowhere"))


def test_a_study_that_does_not_exist_is_refused(database: Database) -> None:
    with pytest.raises(NoSuchStudy):
        work(
            database,
            "s",
            machine=Machine(),
            limits=Limits(),
            console=Console(file=io.StringIO()),
            process=this_process(),
        )


def test_a_worker_is_in_the_list_while_it_works_and_has_left_afterwards(
    database: Database, start: Work, fit: ScriptedFit, mirror: ClosingMirror
) -> None:
    seen = []
    fit.before[1] = lambda: seen.extend(workers_of(database).rows())
    start()
    (row,) = seen
    assert (row.host, row.pid, row.state) == (socket.gethostname(), os.getpid(), "working")
    assert row.worker.startswith(f"{row.host}-{row.pid}-")
    assert [row.state for row in workers_of(database).rows()] == ["left"]
    assert mirror.closed == 1


def test_a_worker_that_breaks_has_left_too(
    database: Database, start: Work, fit: ScriptedFit, mirror: ClosingMirror
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    fit.before[1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        start()
    assert [row.state for row in workers_of(database).rows()] == ["left"]
    assert mirror.closed == 1


def test_each_worker_has_a_name_and_a_seed_of_its_own(
    database: Database, start: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[object] = []
    real = studies.open_study

    def open_study(database: Database, name: str, *, worker_seed: int) -> object:
        seeds.append(worker_seed)
        return real(database, name, worker_seed=worker_seed)

    monkeypatch.setattr(studies, "open_study", open_study)
    start()
    start()
    assert seeds == [0, 1]
    assert len({row.worker for row in workers_of(database).rows()}) == 2


def test_the_environments_lease_is_the_workers(
    database: Database, start: Work, fit: ScriptedFit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO_LEASE_S", "500")
    left: list[float] = []
    leases = Leases(database, database.storage.get_study_id_from_name("s"))
    fit.before[1] = lambda: left.extend(row.expires_in for row in leases.rows())
    start()
    assert 400 < left[0] <= 500


def test_the_mirror_is_told_of_the_trial_under_the_studys_own_key(
    database: Database, start: Work, mirror: ClosingMirror
) -> None:
    start()
    (_, info), *_ = mirror.told
    assert mirror.words == ["start", "evaluation", "evaluation", "finish"]
    assert info.run_id.startswith("s-")
    assert info.run_id.endswith("-t0")
