"""Each sentence stands only where the figures support it."""

import random
from dataclasses import replace

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from trained_trial import trained_trial

from hpo.report.learned import learned
from hpo.report.ranks import differences

LR = "training.learning_rate"
BATCH = "training.per_device_train_batch_size"
EPOCHS = "training.num_train_epochs"
KINDS = {
    LR: FloatDistribution(1e-5, 1e-3, log=True),
    BATCH: CategoricalDistribution([8, 16, 32]),
    EPOCHS: IntDistribution(1, 10),
}

OOM = "the device's memory does not hold one example"


def texts(study):
    return [finding.text for finding in learned(study.facts())]


def test_nothing_is_learned_from_nothing(written):
    assert texts(written()) == []


def test_a_batch_size_that_ran_out_of_memory_is_named_with_its_counts(written):
    study = written()
    for _ in range(3):
        study.infeasible(OOM, batch=32)
    study.complete([0.3, 0.4], batch=32, epochs=4)
    for _ in range(6):
        study.complete([0.3, 0.4], batch=8, epochs=4)
    found = learned(study.facts())
    assert found[0].text == (
        "per_device_train_batch_size 32 failed: out of memory in 3 of 4 trials,"
        " and in 0 of the 6 others."
    )
    assert "Leave per_device_train_batch_size 32 out" in (found[0].step or "")


def test_a_failure_that_hits_every_batch_size_is_blamed_on_none(written):
    study = written()
    for batch in (8, 16, 32) * 3:
        study.failed("RuntimeError: broken", batch=batch)
    assert texts(study) == []


def test_two_failures_are_no_lesson(written):
    study = written()
    for _ in range(2):
        study.infeasible(OOM, batch=32)
    for _ in range(9):
        study.complete([0.3, 0.4], batch=8)
    assert not [text for text in texts(study) if "failed" in text]


def test_the_epoch_after_which_nothing_gained_is_named(written):
    study = written()
    for peak in (0.40, 0.41, 0.42):
        study.complete([0.3, 0.35, peak, 0.36, 0.37, 0.38])
    study.complete([0.3, 0.35])
    assert "No gain after epoch 3 in any of 3 completed trials that trained on, up to epoch 6." in (
        texts(study)
    )


def test_trials_that_still_rose_are_no_sign_of_enough_epochs(written):
    study = written()
    for top in (0.40, 0.41, 0.42):
        study.complete([0.3, 0.35, top])
    assert texts(study) == ["3 of 3 completed trials were best at their last epoch."]


def test_learning_rates_that_did_worse_are_told_by_a_rank_test(written):
    study, drawn = written(), random.Random(3)
    for number in range(24):
        rate = 1e-5 * 10 ** (number / 12)
        if rate > 2.2e-4:
            study.pruned([0.1, 0.2], rate=rate)
        else:
            study.complete([0.4 + 0.01 * drawn.random(), 0.3], rate=rate)
    (sentence,) = [text for text in texts(study) if text.startswith("learning_rate")]
    assert sentence.startswith("learning_rate above 0.00019 did worse than the rest: 1 of 8")
    assert "rank test, p = " in sentence
    assert "after" in sentence


def test_chance_is_not_taken_for_a_lesson(written):
    """Over 20 studies of noise, sentences about values are as rare as the level says."""
    facts, found = written().facts(), 0
    for seed in range(20):
        drawn = random.Random(seed)
        trials = [
            trained_trial(
                value=drawn.random(),
                params={
                    LR: 10 ** drawn.uniform(-5, -3),
                    BATCH: drawn.choice((8, 16, 32)),
                    EPOCHS: drawn.randint(1, 10),
                },
                distributions=KINDS,
            )
            for _ in range(20)
        ]
        for number, trial in enumerate(trials):
            trial.number = number
        found += bool(differences(replace(facts, trials=trials)))
    assert found <= 3


def test_many_trials_without_a_gain_are_told(written):
    study = written()
    study.complete([0.5, 0.4])
    for _ in range(11):
        study.complete([0.4, 0.3])
    assert any("None of the 11 trials after trial 0" in text for text in texts(study))
