"""One trial from its parameters to its end.

Only the trial's own failure fails it. A lost lease and a request to stop pass through as
BaseExceptions and leave the trial as it stands, for whoever continues it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial, TrialState

from config.schema import Configuration
from config.space import apply
from hpo.lease_keeper import LeaseKeeper, LeaseLost
from hpo.micro_batches import StudyMicroBatches
from hpo.stop import Stopped
from hpo.trial_folder import trial_folder
from hpo.trial_run import Outcome, Surroundings, TrialRun, fail
from storage.errors import StorageError
from storage.failures import translated
from trainer.checkpoint import Checkpoints
from trainer.errors import Infeasible
from trainer.fit import fit
from trainer.session import TrainingSession

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Objective:
    """Runs the trials of one study in this process; what it holds outlives each trial."""

    around: Surroundings
    config: Configuration
    session: TrainingSession

    def run(
        self,
        trial: Trial,
        params: Mapping[str, object],
        keeper: LeaseKeeper,
        *,
        continued: bool,
    ) -> Outcome:
        """Train the trial and tell the study; raises Stopped or LeaseLost with nothing told."""
        run = TrialRun(self.around, trial, keeper)
        try:
            return self._attempt(run, params, self._folder(trial.number), continued=continued)
        except UpdateFinishedTrialError:
            return run.ended_elsewhere()
        except (Stopped, LeaseLost):
            run.left()
            raise

    def _attempt(
        self, run: TrialRun, params: Mapping[str, object], folder: Path, *, continued: bool
    ) -> Outcome:
        try:
            with translated(self.around.database.url):
                settings = apply(self.config, params)
                run.begin(settings, params, continued=continued)
                result = fit(
                    settings,
                    run.on_evaluation,
                    session=self.session,
                    output_dir=folder,
                    on_step=run.on_step,
                    micro_batches=self._micro_batches(),
                )
        except (StorageError, UpdateFinishedTrialError):
            raise  # neither is the trial's own failure
        except Infeasible as error:
            outcome = run.infeasible(error)
        except Exception as error:
            log.debug("a trial failed", exc_info=True)
            return run.failed(error)
        else:
            outcome = run.ended(result)
        if outcome.state is TrialState.PRUNED:
            # It cannot win, and 500 MB a model fill a disk.
            Checkpoints(folder, limit=1).clear()
        return outcome

    def refuse(self, trial_id: int, error: Exception) -> Outcome:
        """Fail a trial whose parameters could not be drawn or are not allowed."""
        return Outcome(TrialState.FAIL, fail(self.around, trial_id, error))

    def _micro_batches(self) -> StudyMicroBatches:
        study_id = self.around.study._study_id  # noqa: SLF001 - Optuna has no public way to it
        return StudyMicroBatches(self.around.database.storage, study_id)

    def _folder(self, number: int) -> Path:
        root = Path(self.config.general.output_dir)
        return trial_folder(root, self.around.study.study_name, number)
