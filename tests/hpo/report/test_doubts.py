"""A statement that is weaker than it looks is called so, and others are not."""

import pytest

from hpo.report.doubts import doubts
from hpo.report.learned import learned
from storage.leases import Leases

BATCH = "training.per_device_train_batch_size"
SPACE = {"training.learning_rate": {"low": 1e-5, "high": 1e-3}, BATCH: {"choices": [8, 16, 32]}}

FLAT = [0.0, 0.001, 0.0, -0.001, 0.0, 0.001]


def curve(top):
    return [top + each for each in FLAT]


def texts(study):
    return [finding.text for finding in doubts(study.facts())]


def test_a_study_without_trials_is_not_over_and_no_more_is_said(written):
    assert texts(written()) == [
        "The study is not over (trials running: 0, not begun: 12).",
    ]


@pytest.mark.parametrize(
    ("space", "step"),
    [
        (SPACE, "Give the study more trials: hpo create --study s -o optuna.n_trials=4"),
        ({BATCH: {"choices": [8, 16]}}, "Search more values"),
    ],
    ids=["ranges", "every combination tried"],
)
def test_more_trials_are_asked_for_where_there_are_more(written, space, step):
    study = written(optuna={"n_trials": 2, "search_space": space})
    leases = Leases(study.database, study.study._study_id)
    for batch in (8, 16):
        leases.claim(f"w{batch}", n_trials=2)
        study.complete([0.1, 0.2], batch=batch)
    (few,) = [one for one in doubts(study.facts()) if one.text.startswith("Only 2 completed")]
    assert few.step is not None
    assert few.step.startswith(step)


def test_no_more_trials_are_asked_for_where_the_last_ones_gained_nothing(written):
    study = written(optuna={"n_trials": 12})
    leases = Leases(study.database, study.study._study_id)
    study.complete([0.1, 0.4])
    for number in range(11):
        study.pruned([0.1])
        leases.claim(f"w{number}", n_trials=12)
    leases.claim("w11", n_trials=12)
    (few,) = [one for one in doubts(study.facts()) if one.text.startswith("Only 1 completed")]
    assert few.step is None
    assert any("came to more" in one.text for one in learned(study.facts()))


def test_importances_of_twenty_tpe_trials_are_a_hint(written):
    study = written(optuna={"n_trials": 20, "sampler": "tpe"})
    for number in range(20):
        study.complete([0.4 - 0.01 * number, 0.1])
    (hint,) = [text for text in texts(study) if text.startswith("The importances")]
    assert "20 completed trials, which tpe drew near its best" in hint
    assert "needs 50 trials" in hint


@pytest.mark.parametrize(("sampler", "told"), [("tpe", True), ("random", False)])
def test_rank_tests_on_trials_that_a_sampler_drew_near_its_best_are_a_guide(written, sampler, told):
    study = written(optuna={"n_trials": 20, "sampler": sampler})
    for number in range(20):
        study.complete([0.2 + 0.2 * (number % 2), 0.1], batch=(8, 32)[number % 2])
    assert any(text.startswith("The rank tests take") for text in texts(study)) is told


def test_leaders_within_the_noise_are_named_and_sent_to_confirm(written):
    study = written()
    for top in (0.400, 0.4005, 0.300, 0.200):
        study.complete(curve(top))
    (doubt,) = [one for one in doubts(study.facts()) if "clearly ahead" in one.text]
    assert "the gap to trial 0 is below the noise" in doubt.text
    assert (doubt.step or "").endswith("hpo confirm --study s")


def test_a_clear_leader_is_not_doubted(written):
    study = written()
    for top in (0.6, 0.4, 0.3, 0.2):
        study.complete(curve(top))
    assert not [text for text in texts(study) if "clearly ahead" in text]


@pytest.mark.parametrize(
    ("rate", "batch", "said"),
    [
        (9.5e-4, 16, ["The best learning_rate, 0.00095, lies at the upper end"]),
        (1.1e-5, 16, ["The best learning_rate, 1.1e-05, lies at the lower end"]),
        (1e-4, 32, ["The best per_device_train_batch_size, 32, lies at the upper end"]),
        (1e-4, 16, []),
    ],
)
def test_the_best_at_an_edge_asks_for_a_wider_range(written, rate, batch, said):
    study = written()
    study.complete([0.5, 0.4, 0.3, 0.2, 0.2, 0.2], rate=rate, batch=batch)
    edges = [text for text in texts(study) if "end of what was searched" in text]
    assert [edge.split(" of what")[0] for edge in edges] == said


def test_the_best_at_its_last_epoch_is_told_and_fewer_epochs_are_not_asked_for(written):
    study = written()
    study.complete([0.1, 0.2, 0.3, 0.4])
    found = texts(study)
    assert any(text.startswith("The best trial was best at its last epoch, 4") for text in found)
    assert not [text for text in found if "num_train_epochs" in text]


def test_many_failures_are_told(written):
    study = written()
    study.failed("RuntimeError: broken")
    study.complete([0.4, 0.3])
    assert any(text.startswith("1 of 2 trials came to nothing") for text in texts(study))
