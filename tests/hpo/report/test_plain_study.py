"""The study that plots are drawn from takes every trial, also what other programs left."""

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hpo.report.plain_study import plain_study

RATE = "training.learning_rate"


def test_a_queued_value_out_of_range_that_another_program_took_is_left_out(written):
    study = written()
    study.complete([0.2, 0.3])
    study.study.enqueue_trial({RATE: 5.0})
    with pytest.warns(UserWarning, match="out of range"):
        other = study.study.ask({RATE: FloatDistribution(1e-5, 1e-3, log=True)})
    assert other.params == {RATE: 5.0}
    study.study.tell(other, state=TrialState.FAIL)
    ours, theirs = plain_study(study.facts()).trials
    assert "learning_rate" in ours.params
    assert theirs.params == {}
