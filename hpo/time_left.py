"""How long a study will still take, by what its trials have taken so far."""

import statistics
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from config.schema import Configuration
from config.space_size import EPOCHS
from hpo.trial_record import seconds_of


def time_left(
    config: Configuration,
    trained: Sequence[FrozenTrial],
    running: Sequence[FrozenTrial],
    *,
    left: int,
    workers: int,
) -> float | None:
    """Mean seconds of a trained trial, times what is left of all, over the workers; None unknown.

    A running trial counts by the epochs that it lacks, the `left` ones as a whole. Those that
    could not be trained say nothing of how long one takes, and are none of the `trained`.
    """
    count = left + len(running)
    if not count:
        return 0.0
    seconds = [taken for trial in trained if (taken := seconds_of(trial)) is not None]
    if not seconds:
        return None
    trials = left + sum(1 - _share_done(trial, config) for trial in running)
    return round(statistics.fmean(seconds) * trials / min(workers or 1, count), 1)


def _share_done(trial: FrozenTrial, config: Configuration) -> float:
    training = config.training
    epochs = float(trial.params.get(EPOCHS, training.num_train_epochs))
    return min((trial.last_step or 0) / training.evaluations_per_epoch / epochs, 1.0)
