"""The end of a trial whose settings cannot be trained: the sampler learns it, and it never wins.

It is PRUNED, with a violated constraint. A trial that FAILs TPE does not look at, and one that is
only PRUNED may count among the good ones for its first evaluations: see docs/decisions/0014.
"""

import warnings

from optuna.study import Study
from optuna.trial import Trial, TrialState

from hpo.telling import tell
from hpo.trial_record import INFEASIBLE
from storage.url import mask
from trainer.errors import Infeasible

VIOLATED, MET = 1.0, 0.0  # Optuna: a value above zero violates a constraint
CONSTRAINT = "constraints:{}"  # the trial's system attribute in which Optuna keeps it


def end_infeasible(study: Study, trial: Trial, error: Infeasible) -> str:
    """Tell the study, and keep the reason with the trial; the reason."""
    reason = mask(str(error))
    trial.set_user_attr(INFEASIBLE, reason)
    with warnings.catch_warnings():
        # It may stand from an attempt that died here; CmaEsSampler says that it learns nothing.
        warnings.filterwarnings("ignore", message=".*[Cc]onstraint", category=UserWarning)
        trial.set_constraint(error.constraint, VIOLATED)
        tell(study, trial, state=TrialState.PRUNED)
    return reason


def withdraw(trial: Trial) -> None:
    """Make a trial feasible again that died while it ended, and then went on to a proper end."""
    for name, value in trial.constraints.items():
        if value > 0:
            # Optuna's own set_constraint never overwrites
            trial.storage.set_trial_system_attr(trial._trial_id, CONSTRAINT.format(name), MET)  # noqa: SLF001
