"""Telling a study how a trial ended, where somebody else may have ended it meanwhile."""

from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.study._tell import _tell_with_warning
from optuna.trial import Trial, TrialState


def tell(
    study: Study, trial: Trial | int, value: float | None = None, *, state: TrialState | None = None
) -> None:
    """Tell the study of a trial or its number; UpdateFinishedTrialError where it has ended already.

    Optuna raises that where the end came while it wrote, and a ValueError as for a wrong value
    where it came before: between a worker's last look at its lease and this call.
    """
    try:
        # study.tell does this and reads the trial once more, to give it back.
        _tell_with_warning(study, trial, value, state)
    except ValueError as error:
        number = trial if isinstance(trial, int) else trial.number
        ended = study.get_trials(deepcopy=False)[number].state
        if not ended.is_finished():
            raise
        raise UpdateFinishedTrialError(f"trial {number} is {ended.name} already") from error
