"""The budget is exact whatever becomes of the workers, also when it grows meanwhile."""

from optuna.trial import TrialState

from storage.budget import StudyBudget
from storage.leases import Leases

KILLS = 12


def test_killed_and_replaced_workers_take_exactly_the_extended_budget(
    url, database, study, together
):
    for number in range(2):
        study.enqueue_trial({"x": number / 2})
    (storm,) = together("storm", url.sqlalchemy, 20, [30, 45, 38], KILLS).results
    assert storm["killed"] >= KILLS / 4
    assert storm["failed"] == 0

    trials = study.get_trials(deepcopy=False)
    assert [trial.number for trial in trials] == list(range(45))
    for trial in trials:
        if trial.state is TrialState.FAIL:
            assert trial.user_attrs["hpo:error"] == "killed its worker 3 times"
        else:
            assert (trial.state, trial.value) == (TrialState.COMPLETE, trial.params["x"])
    rows = Leases(database, study._study_id).rows()
    assert sorted(row.number for row in rows) == list(range(45))
    assert all(row.done for row in rows)
    assert any(row.attempt > 1 for row in rows)
    history = StudyBudget(database, study._study_id, pinned=20).extensions()
    assert (history[0].before, history[-1].after) == (20, 45)
    assert [one.before for one in history[1:]] == [one.after for one in history[:-1]]
