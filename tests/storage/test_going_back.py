"""A database that lacks what was seen in it: the last commits, as after a failover."""

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage.connect import connect
from storage.errors import WentBack
from storage.tables import PARAMS, REPORTS, TRIALS, VALUES

UNIFORM = optuna.distributions.FloatDistribution(0.0, 1.0)


@pytest.fixture
def elsewhere(url, study):
    """The same study through another connection, which writes what the first only reads."""
    with connect(url, create=False) as other:
        yield optuna.load_study(study_name="s", storage=other.storage)


@pytest.fixture
def undo(database):
    def execute(*statements):
        with database.writing() as connection:
            for statement in statements:
                connection.execute(statement)

    return execute


def of(table, trial):
    return table.c.trial_id == trial._trial_id


def trial_with_reports(study):
    trial = study.ask({"x": UNIFORM})
    trial.report(0.5, 1)
    trial.report(0.6, 2)
    return trial


LOST = {
    "a report": lambda trial: [REPORTS.delete().where(of(REPORTS, trial), REPORTS.c.step == 2)],
    "its parameters": lambda trial: [PARAMS.delete().where(of(PARAMS, trial))],
    "its beginning": lambda trial: [
        TRIALS.update().where(of(TRIALS, trial)).values(state=TrialState.WAITING)
    ],
    "the trial": lambda trial: [
        REPORTS.delete().where(of(REPORTS, trial)),
        PARAMS.delete().where(of(PARAMS, trial)),
        TRIALS.delete().where(of(TRIALS, trial)),
    ],
}


@pytest.mark.parametrize("what", LOST)
def test_what_is_lost_of_a_running_trial_is_noticed_once(study, elsewhere, undo, what):
    trial = trial_with_reports(elsewhere)
    study.get_trials()
    undo(*LOST[what](trial))
    with pytest.raises(WentBack, match="has lost what was written to it last"):
        study.get_trials()
    found = study.get_trials()
    assert [t.intermediate_values for t in found] == [
        t.intermediate_values for t in elsewhere._storage._backend._get_trials(1, None, set(), -1)
    ]


def lose_the_end(trial):
    return (
        VALUES.delete().where(of(VALUES, trial)),
        TRIALS.update()
        .where(of(TRIALS, trial))
        .values(state=TrialState.RUNNING, datetime_complete=None),
    )


def test_an_end_that_is_lost_is_noticed(study, elsewhere, undo):
    for _ in range(3):
        elsewhere.tell(elsewhere.ask({"x": UNIFORM}), 0.5)
    last = study.get_trials()[-1]
    undo(*lose_the_end(last))
    with pytest.raises(WentBack):
        study.get_trials()
    assert [t.state.name for t in study.get_trials()] == ["COMPLETE", "COMPLETE", "RUNNING"]


def test_who_looks_away_notices_too_that_a_trial_ended_a_second_time(study, elsewhere, undo):
    late = elsewhere.ask({"x": UNIFORM})
    elsewhere.tell(elsewhere.ask({"x": UNIFORM}), 0.5)
    elsewhere.tell(late, 0.25)
    assert study.best_value == 0.5
    study.get_trials()
    undo(*lose_the_end(late))
    elsewhere._storage.set_trial_state_values(late._trial_id, TrialState.COMPLETE, [0.75])
    with pytest.raises(WentBack):
        study.get_trials()
    assert study.get_trials()[0].value == 0.75


def test_a_trial_that_has_the_number_of_a_lost_one_takes_its_place(study, elsewhere, undo):
    first = elsewhere.ask({"x": UNIFORM})
    elsewhere.tell(first, 0.5)
    study.get_trials()
    undo(*lose_the_end(first), *LOST["the trial"](first))
    with connect(elsewhere._storage._repeating._storage_url) as fresh:
        new = optuna.load_study(study_name="s", storage=fresh.storage).ask({"x": UNIFORM})
    with pytest.raises(WentBack):
        study.get_trials()
    assert [t._trial_id for t in study.get_trials()] == [new._trial_id]
    study.tell(0, 0.25)
    assert study.get_trials()[0].value == 0.25


def test_each_thread_is_told_and_none_twice(study, elsewhere, undo):
    from concurrent.futures import ThreadPoolExecutor

    trial = trial_with_reports(elsewhere)
    study.get_trials()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(study.get_trials).result()
        undo(*LOST["a report"](trial))
        with pytest.raises(WentBack):
            study.get_trials()
        with pytest.raises(WentBack):
            pool.submit(study.get_trials).result()
        assert len(pool.submit(study.get_trials).result()) == len(study.get_trials()) == 1


def test_nothing_is_asked_for_a_second_time_where_nothing_was_lost(study, elsewhere, database):
    """Trials end in any order, run on, and are queued; each read finds them as they are."""
    running = [elsewhere.ask({"x": UNIFORM}) for _ in range(4)]
    elsewhere.enqueue_trial({"x": 0.25})
    study.get_trials()
    for trial in reversed(running[:3]):
        trial.report(0.5, 1)
        study.get_trials()
        elsewhere.tell(trial, 0.5)
        study.get_trials()
    elsewhere.ask({"x": UNIFORM})
    states = [t.state.name for t in study.get_trials()]
    assert states == ["COMPLETE", "COMPLETE", "COMPLETE", "RUNNING", "RUNNING"]
    query = sa.select(sa.func.count()).select_from(TRIALS)
    assert database.query(lambda connection: connection.execute(query).scalar()) == 5
