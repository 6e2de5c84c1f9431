"""What a report is made from: a study as the database has it, read once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import optuna
from optuna.trial import FrozenTrial, TrialState

from config.samplers import Queued
from config.schema import Configuration
from hpo import study as studies
from hpo.confirm.names import confirmed_name
from hpo.confirm.results import Results, read_results
from hpo.dashboard_notes import note_of
from hpo.notes import samples_of
from hpo.pinned import Pinned
from hpo.report.yardstick import Yardstick, yardsticks
from hpo.status import Status, collect
from hpo.trial_record import Best, is_infeasible
from storage.connect import Database
from trainer.evaluation import Sample

EPOCHS = "training.num_train_epochs"
PER_EPOCH = "training.evaluations_per_epoch"


@dataclass(frozen=True)
class Facts:
    """A study with its own trials and those that were told.

    `brought` were trained in another study, and stand in no figure. `samples` are those of the best
    trial's best evaluation.

    `confirmed`: what runs under further seeds say of the best trials, None where there are none;
    `yardsticks`: language models on the same dev set.
    """

    study: str
    study_id: int
    pinned: Pinned
    status: Status
    trials: Sequence[FrozenTrial]
    brought: int = 0
    samples: tuple[Sample, ...] = ()
    confirmed: Results | None = None
    yardsticks: tuple[Yardstick, ...] = ()

    @property
    def config(self) -> Configuration:
        """The pinned configuration."""
        return self.pinned.config

    @property
    def metric(self) -> str:
        """What is maximized."""
        return self.config.metric.name

    @property
    def confirms(self) -> str | None:
        """The study whose best trials are run again here; None where trials are drawn."""
        queued = isinstance(self.config.optuna.sampler, Queued)
        return confirmed_name(self.study) if queued else None

    @property
    def best(self) -> Best | None:
        """The winner; None before the first completed trial."""
        return self.status.best

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        """Completed trials that hpo trained, with a value, the best first."""
        return [
            trial for trial in self.pinned.own.ranked(self.trials) if math.isfinite(trial.values[0])
        ]

    @cached_property
    def pruned(self) -> list[FrozenTrial]:
        """Trials that a rule of the pruner stopped."""
        return self._of(TrialState.PRUNED)

    @cached_property
    def infeasible(self) -> list[FrozenTrial]:
        """Trials whose settings could not be trained."""
        return [t for t in self.trials if t.state.is_finished() and is_infeasible(t)]

    @cached_property
    def failed(self) -> list[FrozenTrial]:
        """Trials that ended with an error."""
        return self._of(TrialState.FAIL)

    def epochs_run(self, trial: FrozenTrial) -> float:
        """How many epochs the trial's evaluations cover."""
        per_epoch = trial.params.get(PER_EPOCH, self.config.training.evaluations_per_epoch)
        return (trial.last_step or 0) / int(per_epoch)

    def epochs_planned(self, trial: FrozenTrial) -> float:
        """How many epochs the trial's settings ask for."""
        return float(trial.params.get(EPOCHS, self.config.training.num_train_epochs))

    def _of(self, state: TrialState) -> list[FrozenTrial]:
        return [t for t in self.trials if t.state is state and not is_infeasible(t)]


def gather(database: Database, name: str) -> Facts:
    """Read a study for its report."""
    pinned, status = studies.read(database, name), collect(database, name)
    study_id = database.storage.get_study_id_from_name(name)
    study = optuna.load_study(study_name=name, storage=database.storage)
    everyones = study.get_trials(deepcopy=False)
    trials = [trial for trial in everyones if not pinned.own.is_brought(trial)]
    return Facts(
        study=name,
        study_id=study_id,
        pinned=pinned,
        status=status,
        trials=trials,
        brought=len(everyones) - len(trials),
        samples=_samples(database, study_id, trials, status.best),
        confirmed=read_results(database, name, pinned),
        yardsticks=yardsticks(study.user_attrs),
    )


def _samples(
    database: Database, study_id: int, trials: Sequence[FrozenTrial], best: Best | None
) -> tuple[Sample, ...]:
    if best is None:
        return ()
    trial_id = next(t._trial_id for t in trials if t.number == best.number)  # noqa: SLF001 - no public way
    attrs = database.storage.get_study_system_attrs(study_id)
    return samples_of(note_of(attrs, trial_id)["body"])


def last_part(field: str) -> str:
    """A dotted field as people call it: learning_rate for training.learning_rate."""
    return field.rsplit(".", 1)[-1]
