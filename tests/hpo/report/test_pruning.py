"""What pruning saved is reckoned, not guessed."""

import pytest

from hpo.report.document import Table, Text
from hpo.report.pruning import pruning, rules, saved


def test_saved_epochs_and_time_follow_from_each_trials_own_pace(written):
    study = written()
    study.complete([0.1, 0.2, 0.3, 0.4])
    study.pruned([0.1, 0.1], epochs=10, seconds=20.0)  # 10 s an epoch, 8 left
    study.pruned([0.1], epochs=5, seconds=3.0)  # 3 s an epoch, 4 left
    found = saved(study.facts())
    assert (found.run, found.epochs, found.seconds) == (7, 12, 92.0)
    assert found.share == pytest.approx(12 / 19)
    sentence, table = pruning(study.facts()).blocks
    assert isinstance(sentence, Text)
    assert sentence.text.startswith(
        "Pruning saved 12 epochs and about 2 min of training on the CPU"
    )
    assert "An estimate" in sentence.text
    assert isinstance(table, Table)
    assert table.rows == (("median", "2", "1.5", "12"),)


def test_what_was_run_and_what_was_not_add_up_where_an_epoch_has_several_evaluations(written):
    study = written(training={"evaluations_per_epoch": 2})
    study.complete([0.1] * 17, epochs=10)
    study.pruned([0.1] * 5, epochs=8)
    sentence, table = pruning(study.facts()).blocks
    assert sentence.text.startswith("Pruning saved 5.5 epochs and about")
    assert "CPU: 11 epochs were run, and 33% of 16.5 were not." in sentence.text
    assert table.rows == (("median", "1", "2.5", "5.5"),)


def test_infeasible_trials_save_nothing(written):
    study = written()
    study.infeasible("no memory")
    assert saved(study.facts()).epochs == 0
    assert pruning(study.facts()).blocks == (Text("No trial was pruned."),)


def test_rules_come_with_the_commonest_first(written):
    study = written()
    for rule in ("median", "hyperband bracket 1 rung 0", "hyperband bracket 1 rung 0"):
        study.pruned([0.1], rule=rule)
    assert {rule: len(trials) for rule, trials in rules(study.facts().pruned).items()} == {
        "hyperband bracket 1 rung 0": 2,
        "median": 1,
    }
