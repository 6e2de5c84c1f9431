"""The time left follows from what trials took, not from what happened between."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState
from trained_trial import trained_trial

from config.schema import Configuration
from hpo.time_left import time_left
from hpo.trial_record import SECONDS

EPOCHS = "training.num_train_epochs"


@pytest.fixture
def config(configured: Callable[..., Configuration]) -> Configuration:
    return configured()


def trained(seconds: float, *, from_start_to_end: float | None = None) -> FrozenTrial:
    trial = trained_trial(value=0.3, user_attrs={SECONDS: seconds})
    assert trial.datetime_start is not None
    lasted = timedelta(seconds=from_start_to_end or seconds)
    trial.datetime_complete = trial.datetime_start + lasted
    return trial


def running(reached: int, *, epochs: int) -> FrozenTrial:
    return trained_trial(
        state=TrialState.RUNNING,
        params={EPOCHS: epochs},
        distributions={EPOCHS: IntDistribution(1, 20)},
        intermediate_values=dict.fromkeys(range(1, reached + 1), 0.1),
    )


def test_a_trial_that_waited_for_its_next_worker_counts_by_its_training(
    config: Configuration,
) -> None:
    over_the_weekend = trained(100, from_start_to_end=60 * 3600)
    assert time_left(config, [over_the_weekend, trained(300)], [], left=5, workers=2) == 500


def test_a_running_trial_counts_by_the_epochs_that_it_lacks(config: Configuration) -> None:
    at_the_end = [running(9, epochs=10), running(4, epochs=5)]
    assert time_left(config, [trained(100)], at_the_end, left=0, workers=2) == 15
    assert time_left(config, [trained(100)], [running(12, epochs=10)], left=0, workers=1) == 0


def test_several_evaluations_of_an_epoch_count_as_one_epoch(config: Configuration) -> None:
    training = config.training.model_copy(update={"evaluations_per_epoch": 2})
    twice = config.model_copy(update={"training": training})
    assert time_left(twice, [trained(100)], [running(10, epochs=10)], left=0, workers=1) == 50


def test_nothing_is_said_before_a_trial_was_trained(config: Configuration) -> None:
    assert time_left(config, [], [running(1, epochs=2)], left=3, workers=1) is None
    assert time_left(config, [], [], left=0, workers=1) == 0


def test_more_workers_than_trials_make_nothing_faster(config: Configuration) -> None:
    assert time_left(config, [trained(100)], [running(1, epochs=2)], left=1, workers=9) == 75
    assert time_left(config, [trained(100)], [], left=2, workers=0) == 200
