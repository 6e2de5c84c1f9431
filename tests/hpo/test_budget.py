"""How many trials a study may take."""

from collections.abc import Callable
from typing import Any

import pytest

from config.schema import Configuration
from hpo.budget import budget

BATCH = {"training.per_device_train_batch_size": {"choices": [4, 8, 16]}}
RATE = {"training.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True}}


@pytest.mark.parametrize(
    ("space", "n_trials", "allowed"),
    [
        (RATE, 20, 20),
        (RATE | BATCH, 20, 20),
        (BATCH, 20, 3),
        (BATCH, 3, 3),
        (BATCH, 2, 2),
        ({}, 20, 1),
    ],
    ids=["endless", "partly endless", "small", "just enough", "more than asked", "none"],
)
def test_the_budget_is_what_was_asked_for_and_what_the_space_has(
    configured: Callable[..., Configuration], space: dict[str, Any], n_trials: int, allowed: int
) -> None:
    assert budget(configured(space=space, n_trials=n_trials)) == allowed


def test_combinations_that_conditions_rule_out_do_not_count(
    configured: Callable[..., Configuration],
) -> None:
    smoothing = {
        "choices": [0.1, 0.2],
        "when": {"training.per_device_train_batch_size": 4},
    }
    space = BATCH | {"training.label_smoothing": smoothing}
    assert budget(configured(space=space, n_trials=20)) == 4


def test_a_finite_space_has_room_for_retries_and_n_trials_still_counts(
    configured: Callable[..., Configuration],
) -> None:
    assert budget(configured(space=BATCH, n_trials=20), retries=2) == 5
    assert budget(configured(space=BATCH, n_trials=4), retries=2) == 4
    assert budget(configured(space=RATE, n_trials=20), retries=2) == 20
