"""What the database says of a trial is what its worker told the mirror."""

import optuna
import pytest
from mirrored_study import CLOSED, COMPLETE, FAILED, INFEASIBLE, LEFT, PRUNED, fill
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from small_search import LR, small_search

from hpo import study as studies
from hpo.mirrored import mirrored
from hpo.trial_info import Ending


@pytest.fixture
def search(database, tmp_path):
    return small_search(database, tmp_path, n_trials=8)


def from_database(search):
    pinned = studies.read(search.database, "s")
    return [mirrored("s", pinned, trial) for trial in search.trials()]


def test_every_kind_of_trial_is_what_its_worker_told(search):
    told = fill(search).trials
    assert from_database(search) == [told[number] for number in sorted(told)]


def test_endings_say_how_and_why(search):
    fill(search)
    endings = [trial.ending for trial in from_database(search)]
    pruned = (
        "median at epoch 3: 0.3000 below 0.4000;"
        " hyperband bracket 0 rung 1 at epoch 3: 0.2000 below 0.3500"
    )
    assert endings[COMPLETE] == Ending("complete", 0.3, None, 3.0)
    assert endings[PRUNED] == Ending("pruned", 0.3, pruned, 3.0)
    assert endings[INFEASIBLE] == Ending(
        "infeasible", reason="one dialogue does not fit into memory"
    )
    assert endings[FAILED] == Ending("failed", reason="RuntimeError: the kernel is broken")
    assert endings[CLOSED] == Ending("failed", reason="trial 4 was set to FAIL by another program")
    assert endings[LEFT] is None


def test_a_value_that_another_program_told_is_no_figure_that_leads_a_table(search):
    search.study.tell(search.study.ask(), 0.25)
    (trial,) = from_database(search)
    reason = "trial 0 was set to COMPLETE by another program, with 0.2500"
    assert trial.ending == Ending("complete", reason=reason)


def test_parameters_that_are_refused_leave_the_studys_settings(search):
    refused = optuna.trial.create_trial(
        state=TrialState.FAIL, params={LR: 2.0}, distributions={LR: FloatDistribution(1.0, 3.0)}
    )
    search.study.add_trial(refused)
    (found,) = from_database(search)
    assert found.info.settings["training"]["learning_rate"] == (
        search.config.training.learning_rate
    )
