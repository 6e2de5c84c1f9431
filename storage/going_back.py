"""Whether a database lacks what was seen in it: a failover, or a backup put in place, took it back.

A standby that becomes the primary may lack the last commits, and a database loses them from the
end. So who finds the last trial that it saw end, and all that it saw running, finds all the rest.
"""

from collections.abc import Iterable
from datetime import datetime

from optuna.trial import FrozenTrial, TrialState


def last_ended(trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
    """Give the one that ended last; None where none has."""
    over = (trial for trial in trials if trial.state.is_finished())
    long_ago = datetime.min  # noqa: DTZ901 - Optuna's times have no zone
    return max(over, key=lambda each: each.datetime_complete or long_ago, default=None)


def went_back(seen: Iterable[FrozenTrial], now: Iterable[FrozenTrial]) -> bool:
    """Tell whether one of the trials seen is not among those of now, or lacks something there."""
    found = {trial._trial_id: trial for trial in now}  # noqa: SLF001 - no public way
    return any(lacks(found.get(trial._trial_id), trial) for trial in seen)  # noqa: SLF001


def lacks(now: FrozenTrial | None, seen: FrozenTrial) -> bool:
    """Tell whether a trial lacks an end, a report or a parameter that was seen of it."""
    if now is None or now.number != seen.number:
        return True
    if seen.state.is_finished():
        return (now.state, now.datetime_complete) != (seen.state, seen.datetime_complete)
    if seen.state is TrialState.RUNNING and now.state is TrialState.WAITING:
        return True
    reported = seen.intermediate_values.keys() <= now.intermediate_values.keys()
    return not (reported and seen.params.keys() <= now.params.keys())
