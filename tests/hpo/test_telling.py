"""Telling a study how a trial ended, also where another program was quicker."""

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import Study
from optuna.trial import TrialState

from hpo.telling import tell


@pytest.fixture
def study() -> Study:
    return optuna.create_study(direction="maximize")


def test_a_trial_is_told_by_itself_and_by_its_number(study: Study) -> None:
    tell(study, study.ask(), 0.5)
    tell(study, study.ask().number, state=TrialState.PRUNED)
    assert [(trial.state, trial.value) for trial in study.trials] == [
        (TrialState.COMPLETE, 0.5),
        (TrialState.PRUNED, None),
    ]


@pytest.mark.parametrize("by_number", [False, True])
def test_one_that_has_ended_already_is_an_error_of_its_own(study: Study, by_number: bool) -> None:
    trial = study.ask()
    study.tell(trial, state=TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError, match="trial 0 is FAIL already"):
        tell(study, trial.number if by_number else trial, 0.5)
    assert study.trials[0].value is None


def test_a_wrong_value_of_a_trial_that_runs_stays_a_wrong_value(study: Study) -> None:
    trial = study.ask()
    with pytest.raises(ValueError, match="No values were told"):
        tell(study, trial, state=TrialState.COMPLETE)
    assert study.trials[0].state is TrialState.RUNNING
