"""One trial from its parameters to its end.

Only the trial's own failure fails it. A lost lease and a request to stop pass through as
BaseExceptions and leave the trial as it stands, for whoever continues it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

import storage.errors
from config.schema import Configuration
from config.space import apply
from hpo.lease_keeper import LeaseKeeper, LeaseLost
from hpo.micro_batches import StudyMicroBatches
from hpo.notes import save_note
from hpo.resume_states import forget
from hpo.shared_card import Card
from hpo.stop import Stopped
from hpo.trial_folder import trial_folder
from hpo.trial_record import ERROR
from hpo.trial_run import Outcome, Surroundings, TrialRun, fail
from storage.errors import StorageError, WentBack
from storage.failures import translated
from trainer.checkpoint import Checkpoints
from trainer.errors import DeviceLost, Infeasible
from trainer.fit import fit
from trainer.resume_store import ResumeStore, open_resume_store
from trainer.session import TrainingSession

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Objective:
    """Runs the trials of one study in this process; what it holds outlives each trial."""

    around: Surroundings
    config: Configuration
    session: TrainingSession
    card: Card = field(default_factory=Card)

    @property
    def checkpoint_root(self) -> str:
        """Where running trials save where they are: a folder, or a URL that fsspec knows."""
        general = self.config.general
        return general.checkpoint_root or general.output_dir

    def run(
        self,
        trial: Trial,
        params: Mapping[str, object],
        keeper: LeaseKeeper,
        *,
        continued: bool,
    ) -> Outcome:
        """Train the trial and tell the study.

        Raises Stopped, LeaseLost, DeviceLost or WentBack with nothing told: the trial is to go on
        elsewhere.
        """
        run = TrialRun(self.around, trial, keeper)
        resume = open_resume_store(self.checkpoint_root, self._name(trial.number))
        try:
            try:
                outcome = self._attempt(run, params, trial.number, resume, continued=continued)
            except UpdateFinishedTrialError:
                outcome = run.ended_elsewhere()
        except storage.errors.LeaseLost as error:  # found by the fence
            run.left()
            raise LeaseLost from error
        except (Stopped, LeaseLost, DeviceLost, WentBack):
            run.left()
            raise
        self.around.chores.add(lambda: forget(resume))
        return outcome

    def _attempt(
        self,
        run: TrialRun,
        params: Mapping[str, object],
        number: int,
        resume: ResumeStore,
        *,
        continued: bool,
    ) -> Outcome:
        folder = Path(self.config.general.output_dir) / self._name(number)
        try:
            with translated(self.around.database.url):
                settings = apply(self.config, params)
                run.begin(settings, params, continued=continued)
                training = partial(
                    fit,
                    settings,
                    run.on_evaluation,
                    session=self.session,
                    output_dir=folder,
                    on_step=run.on_step,
                    on_poll=run.on_poll,
                    resume=resume,
                    before_write=run.before_write,
                    micro_batches=self._micro_batches(),
                )
                result = self.card.train(training, again=run.again, poll=run.on_poll)
        except (StorageError, UpdateFinishedTrialError, DeviceLost):
            raise  # none is the trial's own failure
        except Infeasible as error:
            outcome = run.infeasible(error)
        except Exception as error:  # whatever it was: the study goes on with another trial
            log.debug("a trial failed", exc_info=True)
            return run.failed(error)
        else:
            outcome = run.ended(result)
        if outcome.state is TrialState.PRUNED:
            # It cannot win, and 500 MB a model fill a disk.
            self.around.chores.add(Checkpoints(folder, limit=1).clear)
        return outcome

    def refuse(self, trial_id: int, error: Exception) -> Outcome:
        """Fail a trial whose parameters could not be drawn or are not allowed."""
        try:
            return Outcome(TrialState.FAIL, fail(self.around, trial_id, error))
        except UpdateFinishedTrialError:  # another program has ended it meanwhile
            ended = self.around.database.storage.get_trial(trial_id).state
            return Outcome(ended, elsewhere=True)

    def given_up(self, trial_id: int) -> None:
        """Say that a trial failed because it had killed too many workers."""
        with translated(self.around.database.url):
            trial = self.around.database.storage.get_trial(trial_id)
        reason = trial.user_attrs.get(ERROR)
        if trial.state is TrialState.FAIL and reason is not None:
            self.around.progress.failed(trial.number, reason)
            save_note(self.around.study, trial)

    def _micro_batches(self) -> StudyMicroBatches:
        study_id = self.around.study._study_id  # noqa: SLF001 - Optuna has no public way to it
        return StudyMicroBatches(self.around.database.storage, study_id)

    def _name(self, number: int) -> str:
        """The trial's place below the roots."""
        return str(trial_folder(PurePosixPath(self.around.folder), number))
