"""Workers of `hpo` that only ask, report and tell, timed call by call; plain.py has Optuna's.

It is the whole worker (claim, lease, beats, curve, records, note) with a training that takes no
time. A worker of the crowd is the same but knows nothing of the trials before it: in a steady state
a worker reads only what is new or unfinished, so the database has the same work, and 200 of them
fit into one process.
"""

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol, cast

from optuna.storages import BaseStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo
from optuna.trial import Trial
from rich.console import Console
from typing_extensions import override

from benchmarks.storage.fill import EVALUATIONS, STUDY
from config.schema import Configuration
from config.space import apply
from hpo import study as studies
from hpo.chores import chores_aside
from hpo.distinct import DistinctSampler
from hpo.extension import study_budget
from hpo.lease_keeper import LeaseKeeper
from hpo.objective import Objective
from hpo.progress import Progress
from hpo.samplers import make_sampler
from hpo.stop import StopRequest
from hpo.trial_run import Outcome, Surroundings, TrialRun
from hpo.turnover import Turnover
from hpo.wandb_mirror import Mirror
from hpo.worker import Limits, Worker
from storage.connect import Database, connect
from storage.lease import Lease, Spent, Wait
from storage.leases import Leases
from storage.patience import Patience
from storage.url import StorageURL
from storage.workers import Workers
from trainer.data import DataFiles
from trainer.evaluation import Evaluation, FitResult, Sample
from trainer.rouge import Scores
from trainer.session import TrainingSession

ASK, REPORT, TELL = "ask", "report", "tell"
CALLS = (ASK, REPORT, TELL)
OUTAGE_S = 60.0  # how long a crowded pooler is asked again, as a real worker does
Seconds = dict[str, list[float]]


class Pace(Protocol):
    """Called before each evaluation; False ends the worker."""

    def __call__(self) -> bool: ...  # noqa: D102 - said above


def at_once() -> bool:
    """Report without a pause."""
    return True


def forget_the_past(storage: BaseStorage, study_id: int, last_trial_id: int) -> None:
    """Let a storage count every trial up to that one as known and finished, and not hold it."""
    cached = cast("_CachedStorage", storage)
    info = cached._studies.setdefault(study_id, _StudyInfo())  # noqa: SLF001 - no public way
    info.last_finished_trial_id = last_trial_id


@dataclass(frozen=True)
class Job:
    """What a worker does: `trials` of them, or as long as `pace` lets it.

    `knows_from` is the id of the last trial that it need not know; None for a worker that knows
    all. `started` is told when its first trial runs.
    """

    url: str
    name: str
    trials: int | None = None
    knows_from: int | None = None
    pace: Pace = at_once
    started: Callable[[], None] = lambda: None
    seconds: Seconds = field(default_factory=lambda: {call: [] for call in CALLS})


def run_ours(job: Job) -> None:
    """Run one worker of `hpo` and note the seconds of its calls."""
    url, stop, turnover = StorageURL.parse(job.url), StopRequest(), Turnover()
    with (
        connect(url, create=False, patience=Patience(OUTAGE_S)) as database,
        chores_aside(turnover) as chores,
    ):
        study_id = database.storage.get_study_id_from_name(STUDY)
        if job.knows_from is not None:
            forget_the_past(database.storage, study_id, job.knows_from)
        pinned = studies.read(database, STUDY)
        study = studies.open_study(database, STUDY, worker_seed=job.name)
        if job.knows_from is not None:
            study.sampler = _at_random(pinned.config, job.name)
        workers = Workers(database, study_id)
        workers.register(job.name, host="host", pid=1, device="cpu")
        progress = Progress(Console(file=io.StringIO()), metric=pinned.config.metric.name)
        around = replace(
            Surroundings(study, pinned.key, pinned.folder, database, Mirror(), progress, stop),
            turnover=turnover,
            chores=chores,
        )
        watch = _Watch(job)
        Worker(
            name=job.name,
            database=database,
            objective=_Scripted(around, pinned.config, _no_session(), watch=watch),
            leases=_Timed(database, study_id, watch),
            budget=study_budget(database, STUDY, pinned),
            workers=workers,
            limits=Limits(max_trials=job.trials),
        ).run()
        watch.tell_ended()


@dataclass
class _Watch:
    """Where one worker of ours stands: a call of it goes from one mark to the next."""

    job: Job
    told: float | None = None
    asked: float = 0.0

    def ask(self) -> None:
        self.tell_ended()
        self.asked = time.perf_counter()

    def running(self) -> None:
        self.job.seconds[ASK].append(time.perf_counter() - self.asked)
        self.job.started()

    def report(self, seconds: float) -> None:
        self.job.seconds[REPORT].append(seconds)

    def tell(self) -> None:
        self.told = time.perf_counter()

    def tell_ended(self) -> None:
        if self.told is not None:
            self.job.seconds[TELL].append(time.perf_counter() - self.told)
        self.told = None


class _Timed(Leases):
    """Leases that note when a worker begins to ask."""

    def __init__(self, database: Database, study_id: int, watch: _Watch) -> None:
        super().__init__(database, study_id)
        self._watch = watch

    @override
    def claim(self, worker: str, **options: object) -> Lease | Wait | Spent:
        self._watch.ask()
        return super().claim(worker, **options)  # type: ignore[arg-type] # passed on as they are


@dataclass(frozen=True)
class _Scripted(Objective):
    """Runs a trial without training: evaluations come as fast as the pace lets them."""

    watch: _Watch = field(kw_only=True)

    @override
    def run(
        self,
        trial: Trial,
        params: Mapping[str, object],
        keeper: LeaseKeeper,
        *,
        continued: bool,
    ) -> Outcome:
        run = TrialRun(self.around, trial, keeper)
        run.begin(apply(self.config, params), params, continued=continued)
        self.watch.running()
        evaluations: list[Evaluation] = []
        goes_on = True
        while goes_on and len(evaluations) < EVALUATIONS:
            if not self.watch.job.pace():
                self.around.stop.set()
                run.on_poll()  # leaves, as a worker that is asked to stop
            evaluations.append(_evaluation(trial.number, len(evaluations) + 1))
            began = time.perf_counter()
            goes_on = run.on_evaluation(evaluations[-1])
            self.watch.report(time.perf_counter() - began)
        self.watch.tell()
        return run.ended(_result(evaluations))


def _no_session() -> TrainingSession:
    """A session that nothing is asked of."""
    return TrainingSession(DataFiles(Path("train.csv"), Path("dev.csv"), None), Path("cache"))


def _at_random(config: Configuration, name: str) -> DistinctSampler:
    whole = config.model_dump()
    whole["optuna"]["sampler"] = {"name": "random"}
    return make_sampler(Configuration.model_validate(whole), worker_seed=name)


def value_of(number: int, step: int) -> float:
    """Better than all trials before, so that a trial runs to its end."""
    return 0.5 + step / 1000 + (number % 97) / 100_000


def _evaluation(number: int, step: int) -> Evaluation:
    value = value_of(number, step)
    return Evaluation(
        step=step,
        epoch=float(step),
        scores=Scores(value, value, value, value),
        train_loss=1 / step,
        eval_loss=2 / step,
        learning_rate=1e-4,
        seconds=float(step),
        samples=(Sample("dev_1", "요약 " * 40, "참고 요약 " * 20),),
        is_best=True,
        checkpoint=None,
    )


def _result(evaluations: Sequence[Evaluation]) -> FitResult:
    return FitResult(
        evaluations=tuple(evaluations),
        best=evaluations[-1],
        ended="finished",
        checkpoint=None,
        seconds=300.0,
        device="cpu",
        precision="fp32",
        precision_reason="the CPU has no faster one",
        threads=1,
    )


def whole_trials(seconds: Seconds) -> list[float]:
    """The seconds of each whole trial in the database: one ask, its reports, one tell."""
    trials = len(seconds[TELL])
    ends = [n * EVALUATIONS for n in range(trials + 1)]
    reports = [sum(seconds[REPORT][a:b]) for a, b in pairwise(ends)]
    return [a + r + t for a, r, t in zip(seconds[ASK], reports, seconds[TELL], strict=False)]
