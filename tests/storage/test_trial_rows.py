import math
import time

import optuna
import pytest
import sqlalchemy as sa
from optuna.storages import RDBStorage
from optuna.trial import TrialState, create_trial

from storage.tables import TRIALS
from storage.trial_rows import of_ids, read_trials

SPACE = {
    "x": optuna.distributions.FloatDistribution(1e-5, 1.0, log=True),
    "n": optuna.distributions.IntDistribution(2, 10, step=2),
    "choice": optuna.distributions.CategoricalDistribution([None, "가", True, 0.5]),
}


@pytest.fixture
def trials(study):
    """One trial of each kind."""
    study.add_trial(
        create_trial(
            value=0.5,
            params={"x": 0.25, "n": 4, "choice": "가"},
            distributions=SPACE,
            intermediate_values={3: 0.1, 1: math.inf, 2: -math.inf, 4: math.nan},
            user_attrs={"a": [1, {"b": None}]},
            system_attrs={"hpo:curve": [{"step": 1}], "fixed_params": {"x": 1}},
        )
    )
    study.add_trial(create_trial(value=math.inf))
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.add_trial(create_trial(value=-math.inf, state=TrialState.PRUNED))
    study.enqueue_trial({"x": 0.5})
    study.ask()
    study.ask().report(0.5, 7)
    return study


def read(database, *where, **options):
    return database.query(lambda connection: read_trials(connection, *where, **options))


@pytest.fixture(params=["UTC", "Asia/Seoul", "America/New_York"])
def _zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_zone")
def test_trials_are_as_optuna_reads_them(database, trials):
    theirs = RDBStorage(database.url.sqlalchemy).get_all_trials(trials._study_id)
    ours = read(database, TRIALS.c.study_id == trials._study_id)
    assert len(ours) == len(theirs)
    assert list(map(repr, map(comparable, ours))) == list(map(repr, map(comparable, theirs)))
    assert [list(trial.params) for trial in ours] == [list(trial.params) for trial in theirs]


def comparable(trial):
    reports = sorted(trial.intermediate_values.items())
    attrs = sorted(trial.user_attrs.items()), sorted(trial.system_attrs.items())
    times = trial.datetime_start, trial.datetime_complete
    params = trial.params, trial.distributions
    return trial.number, trial._trial_id, trial.state, trial.values, times, params, reports, attrs


def test_named_attributes_are_left_out(database, trials):
    first = read(database, TRIALS.c.number == 0, without=["hpo:curve"])[0]
    assert first.system_attrs == {"fixed_params": {"x": 1}}


def test_any_number_of_ids_is_one_parameter(database, trials):
    found = read(database, of_ids([*range(40_000)], database.engine.name))
    assert len(found) == len(trials.trials)


def test_all_trials_take_two_statements(database, trials):
    asked = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    read(database, TRIALS.c.study_id == trials._study_id)
    assert len([one for one in asked if one.startswith("SELECT")]) == 2


def test_trials_beyond_what_is_read_at_once_are_all_there(database, trials, monkeypatch):
    monkeypatch.setattr("storage.trial_rows.AT_ONCE", 2)
    found = read(database, TRIALS.c.study_id == trials._study_id)
    assert [trial.number for trial in found] == list(range(len(trials.trials)))
    assert found[0].params == {"x": 0.25, "n": 4, "choice": "가"}
