"""Trials that ended as hpo's own do, made by hand: with what a worker keeps of a training."""

from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpo.own_trials import OwnTrials
from hpo.trial_record import BEST_EPOCH, CHECKPOINT, MACHINE, SECONDS

OWN = OwnTrials("key")
"""What trials without a key count to, as those of earlier versions, in a study of any key."""

RECORD = {BEST_EPOCH: 1.0, CHECKPOINT: "", SECONDS: 1.0, MACHINE: {}}


def trained_trial(
    *,
    state: TrialState = TrialState.COMPLETE,
    user_attrs: dict[str, Any] | None = None,
    **trial: Any,
) -> FrozenTrial:
    """Give an ended trial; what was trained to an end has the record of its best evaluation."""
    kept = RECORD if state in (TrialState.COMPLETE, TrialState.PRUNED) else {}
    return create_trial(state=state, user_attrs={**kept, **(user_attrs or {})}, **trial)


def tell_trained(study: Study, trial: Trial, value: float) -> None:
    """End a running trial as a worker does."""
    for name, kept in RECORD.items():
        trial.set_user_attr(name, kept)
    study.tell(trial, value)
