"""A study in a database and what its workers need, put together without torch or W&B."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.trial import FrozenTrial, Trial
from rich.console import Console

from config.load import from_mapping
from config.schema import Configuration
from hpo import study as studies
from hpo.extension import study_budget
from hpo.objective import Objective
from hpo.own_trials import OwnTrials
from hpo.progress import Progress
from hpo.stop import StopRequest
from hpo.trial_info import Ending, Point, TrialInfo
from hpo.trial_record import Best
from hpo.trial_run import Surroundings
from hpo.wandb_mirror import Mirror
from hpo.worker import Limits, Worker
from storage.connect import Database
from storage.leases import Lease, Leases
from storage.tables import LEASES
from storage.workers import Workers
from trainer.data import DataFiles
from trainer.session import TrainingSession

LR = "training.learning_rate"
EPOCHS = 3
NOWHERE = DataFiles(Path("train.csv"), Path("dev.csv"), None)


class RecordingMirror(Mirror):
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.earlier: list[Sequence[Point]] = []

    def start(self, trial: TrialInfo, earlier: Sequence[Point] = ()) -> None:
        self.told.append(("start", trial))
        self.earlier.append(earlier)

    def evaluation(self, point: Point) -> None:
        self.told.append(("evaluation", point["step"]))

    def finish(self, ending: Ending) -> None:
        self.told.append(("finish", ending))

    def release(self) -> None:
        self.told.append(("release", None))

    @property
    def words(self) -> list[str]:
        """What it was told, without the details."""
        return [word for word, _ in self.told]


@dataclass
class Search:
    """A pinned study, and the workers that a test starts on it in its own process."""

    database: Database
    config: Configuration
    name: str = "s"
    mirror: RecordingMirror = field(default_factory=RecordingMirror)
    stop: StopRequest = field(default_factory=StopRequest)
    screen: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.study = studies.open_study(self.database, self.name, worker_seed=0)
        self.study_id = self.study._study_id
        self.workers = Workers(self.database, self.study_id)

    @property
    def own(self) -> OwnTrials:
        """What tells the study's own trials from others."""
        return studies.own_trials(self.database, self.name)

    def best(self) -> Best | None:
        """Give the study's winner."""
        return self.own.best(self.study)

    def leases(self, lease_s: float = 60.0) -> Leases:
        """The study's leases, as a worker with that length of lease sees them."""
        return Leases(self.database, self.study_id, lease_s=lease_s)

    def around(self) -> Surroundings:
        """What every trial writes to."""
        console = Console(file=self.screen, width=200)
        progress = Progress(console, metric=self.config.metric.name)
        key = self.own.key
        return Surroundings(self.study, key, "s", self.database, self.mirror, progress, self.stop)

    def objective(self) -> Objective:
        """What runs a trial; its session is never used by a scripted fit."""
        session = TrainingSession(NOWHERE, Path(self.config.general.output_dir) / "cache")
        return Objective(self.around(), self.config, session)

    def worker(
        self, name: str = "w1", *, max_trials: int | None = None, wait: bool = True
    ) -> Worker:
        """Give a worker that has registered."""
        self.workers.register(name, host="host", pid=1, device="cpu")
        limits = Limits(max_trials=max_trials, wait=wait)
        return Worker(
            name=name,
            database=self.database,
            objective=self.objective(),
            leases=self.leases(),
            budget=study_budget(self.database, self.name, studies.read(self.database, self.name)),
            workers=self.workers,
            limits=limits,
        )

    def claim(self, worker: str, *, lease_s: float = 60.0) -> Lease:
        """Let another worker take a trial and start it."""
        leases = self.leases(lease_s)
        lease = leases.claim(worker, n_trials=self.config.optuna.n_trials)
        assert isinstance(lease, Lease)
        return leases.start(lease)

    def elsewhere(self) -> optuna.Study:
        """Give the study as another program has it: with a storage of its own."""
        storage = optuna.storages.RDBStorage(self.database.url.sqlalchemy)
        return optuna.load_study(study_name=self.name, storage=storage)

    def let_leases_run_out(self) -> None:
        """Make every lease in hand look as if its worker had died long ago."""
        with self.database.writing() as connection:
            connection.execute(LEASES.update().where(sa.not_(LEASES.c.done)).values(expires_at=1.0))

    def trial(self, lease: Lease | None = None) -> Trial:
        """Give a running trial: the lease's, or a new one without a lease."""
        if lease is None:
            return self.study.ask()
        assert lease.trial_id is not None
        return Trial(self.study, lease.trial_id)

    def trial_again(self, trial: Trial) -> Trial:
        """Give the trial as another worker gets it."""
        return Trial(studies.open_study(self.database, self.name, worker_seed=1), trial._trial_id)

    def trials(self) -> list[FrozenTrial]:
        """The trials as the database has them, with their curves."""
        storage = self.database.storage
        known = optuna.load_study(study_name=self.name, storage=storage).get_trials(deepcopy=False)
        return [storage.get_trial(trial._trial_id) for trial in known]

    @property
    def shown(self) -> str:
        """What the terminal shows by now."""
        return self.screen.getvalue()


def small_search(
    database: Database, folder: Path, *, space: dict[str, Any] | None = None, **options: Any
) -> Search:
    """Pin a study `s` that searches the learning rate at random; `options` are Optuna's section."""
    section = {
        "n_trials": 3,
        "sampler": "random",
        "pruner": "none",
        "search_space": {LR: {"low": 1e-5, "high": 1e-3, "log": True}} if space is None else space,
        **options,
    }
    config = from_mapping(
        {
            "general": {"output_dir": str(folder / "outputs")},
            "model": {"name": "gogamza/kobart-base-v2"},
            "training": {"num_train_epochs": EPOCHS},
            "optuna": section,
        }
    )
    studies.create(database, "s", config, data_fingerprint="f" * 64)
    return Search(database, config)
