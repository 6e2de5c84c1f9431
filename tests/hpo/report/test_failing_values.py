"""A value is named for its failures only where they are more than chance."""

import random
from dataclasses import replace

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import TrialState
from scipy.stats import fisher_exact
from trained_trial import trained_trial

from hpo import trial_record
from hpo.report.failing_values import FailingValue, failing_values

BATCH = "training.per_device_train_batch_size"
EPOCHS = "training.num_train_epochs"
KINDS = {BATCH: CategoricalDistribution([8, 16, 32]), EPOCHS: IntDistribution(1, 10)}


def ended(number, params, *, failed):
    """A trial that completed, or failed with an error."""
    error = {trial_record.ERROR: "RuntimeError: broken"}
    trial = trained_trial(
        state=TrialState.FAIL if failed else TrialState.COMPLETE,
        value=None if failed else 0.4,
        params=params,
        distributions=KINDS,
        user_attrs=error if failed else {},
    )
    trial.number = number
    return trial


def test_failures_at_random_are_blamed_on_a_value_in_one_of_twenty_studies(written):
    facts, blamed = written().facts(), 0
    for seed in range(100):
        drawn = random.Random(seed)
        trials = [
            ended(
                number,
                {BATCH: drawn.choice((8, 16, 32)), EPOCHS: drawn.randint(1, 10)},
                failed=drawn.random() < 0.4,
            )
            for number in range(50)
        ]
        blamed += bool(failing_values(replace(facts, trials=trials)))
    assert blamed <= 8


def test_a_batch_that_always_fails_is_found_among_many_comparisons(written):
    drawn = random.Random(1)
    trials = [
        ended(number, {BATCH: batch, EPOCHS: drawn.randint(1, 10)}, failed=batch == 32)
        for number, batch in enumerate((8, 16, 32, 8, 16, 32, 8, 16, 32, 8, 16, 32))
    ]
    (found,) = failing_values(replace(written().facts(), trials=trials))
    assert found == FailingValue(
        "per_device_train_batch_size 32", "RuntimeError", 4, 4, elsewhere=0, others=8
    )


def test_the_chance_is_that_of_fishers_exact_test():
    found = FailingValue("batch 32", "out of memory", 3, 4, elsewhere=1, others=6)
    table = [[3, 1], [1, 5]]
    assert found.p == pytest.approx(fisher_exact(table, alternative="greater").pvalue)
    assert found.least_p == pytest.approx(
        fisher_exact([[4, 0], [0, 6]], alternative="greater").pvalue
    )
