import time

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage import lease_rows
from storage.errors import StorageError
from storage.leases import Leases
from storage.study_lock import lock_study
from storage.tables import LEASES, TRIALS

NO_SUCH_STUDY = 99


@pytest.fixture
def connection(database, study_id):
    with database.writing() as opened:
        yield opened


def add(connection, study_id, slot, **values):
    row = {"trial_id": None, "started": False, "worker": "w", "attempt": 1, "done": False}
    row |= {"expires_at": 10.0, **values}
    connection.execute(LEASES.insert().values(study_id=study_id, slot=slot, **row))


def add_trial(connection, study_id, state):
    trial_id = lease_rows.create_trial(connection, study_id, now=1.0)
    connection.execute(TRIALS.update().where(TRIALS.c.trial_id == trial_id).values(state=state))
    return trial_id


def test_our_trial_is_row_for_row_what_optuna_would_have_made(study, database):
    """Optuna numbers by counting, so ours and its own may come in any order."""
    study.ask()
    with database.writing() as connection:
        lock_study(connection, study._study_id)
        lease_rows.create_trial(connection, study._study_id, time.time())
    study.ask()
    with database.reading() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(TRIALS)).mappings()]
    started = [row.pop("datetime_start").timestamp() for row in rows]
    assert started == pytest.approx([started[0]] * 3, abs=5)
    assert [row.pop("number") for row in rows] == [0, 1, 2]
    ids = [row.pop("trial_id") for row in rows]
    assert ids == sorted(set(ids))
    assert rows[0] == rows[1] == rows[2]


def test_enqueued_trial_is_started_as_optuna_would(study, database):
    for _ in range(2):
        study.enqueue_trial({"x": 1})
    ours, optunas = [trial._trial_id for trial in study.get_trials()]
    with database.writing() as connection:
        assert lease_rows.run_enqueued(connection, ours, time.time())
        assert not lease_rows.run_enqueued(connection, ours, time.time())
    assert study.ask()._trial_id == optunas
    first, second = study.get_trials()
    assert (first.state, first.system_attrs) == (second.state, second.system_attrs)
    assert abs(first.datetime_start - second.datetime_start).total_seconds() < 5


def test_study_that_is_gone_cannot_be_locked(connection, study_id):
    assert lock_study(connection, study_id)
    assert not lock_study(connection, NO_SUCH_STUDY)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_studies_do_not_wait_for_each_other(study, database):
    """Not on SQLite: it has one write lock for the whole file."""
    other = optuna.create_study(storage=database.storage)
    with database.writing() as one, database.writing() as two:
        two.exec_driver_sql("SET LOCAL lock_timeout = '1s'")
        assert lock_study(one, study._study_id)
        assert lock_study(two, other._study_id)


def test_slots_go_on_after_the_highest_whatever_was_cancelled(connection, study_id):
    assert lease_rows.taken_and_next(connection, study_id) == (0, 0)
    for slot in (0, 1, 2):
        add(connection, study_id, slot)
    connection.execute(LEASES.delete().where(LEASES.c.slot == 1))
    assert lease_rows.taken_and_next(connection, study_id) == (2, 3)
    assert lease_rows.count(connection, study_id) == 2


def test_abandoned_are_those_that_ran_out_or_were_given_back_oldest_first(connection, study_id):
    add(connection, study_id, 0, done=True, expires_at=1.0)
    add(connection, study_id, 1, expires_at=50.0)
    assert lease_rows.next_abandoned(connection, study_id, now=49.9) is None
    add(connection, study_id, 2, expires_at=0.0, attempt=3)
    left = lease_rows.next_abandoned(connection, study_id, now=49.9)
    assert (left.slot, left.attempt, left.given_back) == (2, 3, True)
    left = lease_rows.next_abandoned(connection, study_id, now=50.0)
    assert (left.slot, left.attempt, left.given_back) == (1, 1, False)


@pytest.mark.parametrize(
    ("started", "state", "kept"),
    [
        (True, TrialState.RUNNING, True),
        (False, TrialState.WAITING, True),
        (False, TrialState.RUNNING, False),
        (False, TrialState.COMPLETE, False),
        (False, TrialState.FAIL, False),
    ],
)
def test_abandoned_lease_keeps_its_trial_unless_a_foreign_program_has_it(
    connection, study_id, started, state, kept
):
    trial_id = add_trial(connection, study_id, state)
    add(connection, study_id, 0, trial_id=trial_id, started=started)
    left = lease_rows.next_abandoned(connection, study_id, now=99.0)
    assert (left.trial_id, left.running) == (trial_id if kept else None, started)


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])
def test_finished_trial_is_neither_abandoned_nor_running(connection, study_id, state):
    add(connection, study_id, 0, trial_id=add_trial(connection, study_id, state), started=True)
    assert lease_rows.next_abandoned(connection, study_id, now=99.0) is None
    assert lease_rows.still_running(connection, study_id) == (0, 0.0)


def test_leases_are_closed_only_when_they_ran_out_and_their_own_trial_ended(connection, study_id):
    ended = [add_trial(connection, study_id, TrialState.COMPLETE) for _ in range(3)]
    add(connection, study_id, 0, trial_id=ended[0], started=True)
    add(connection, study_id, 1, trial_id=ended[1], started=True, expires_at=999.0)
    add(connection, study_id, 2, trial_id=ended[2], started=False)
    add(connection, study_id, 3, started=False)
    running = add_trial(connection, study_id, TrialState.RUNNING)
    add(connection, study_id, 4, trial_id=running, started=True)
    lease_rows.close_finished(connection, study_id, now=99.0)
    done = connection.execute(sa.select(LEASES.c.done).order_by(LEASES.c.slot)).scalars().all()
    assert done == [True, False, False, False, False]


def test_still_running_gives_the_time_of_the_first_to_run_out(connection, study_id):
    for slot, expires_at in enumerate((30.0, 20.0, 40.0)):
        add(connection, study_id, slot, expires_at=expires_at)
    add(connection, study_id, 3, expires_at=10.0, done=True)
    assert lease_rows.still_running(connection, study_id) == (3, 20.0)


def test_oldest_enqueued_is_not_one_that_is_reserved_or_of_another_study(study, database):
    other = optuna.create_study(storage=database.storage)
    other.enqueue_trial({"x": 0})
    for _ in range(2):
        study.enqueue_trial({"x": 1})
    first, second = [trial._trial_id for trial in study.get_trials()]
    with database.writing() as connection:
        assert lease_rows.oldest_enqueued(connection, study._study_id) == first
        add(connection, study._study_id, 0, trial_id=first)
        assert lease_rows.oldest_enqueued(connection, study._study_id) == second
        add(connection, study._study_id, 1, trial_id=second)
        assert lease_rows.oldest_enqueued(connection, study._study_id) is None


def test_one_trial_cannot_stand_in_two_leases(study, database):
    def add_twice(trial_id):
        with database.writing() as connection:
            add(connection, study._study_id, 0, trial_id=trial_id)
            add(connection, study._study_id, 1, trial_id=trial_id)

    with pytest.raises(StorageError, match=r"(?i)unique"):
        add_twice(study.ask()._trial_id)
    assert Leases(database, study._study_id).rows() == []


def test_rows_show_age_by_the_databases_clock(study, database):
    with database.writing() as connection:
        now = lease_rows.read_clock(connection)
        add(connection, study._study_id, 0, expires_at=now + 30)
        add(connection, study._study_id, 1, expires_at=now - 30)
    with database.reading() as connection:
        rows = lease_rows.list_rows(connection, study._study_id)
    assert [row.expires_in for row in rows] == pytest.approx([30, -30], abs=5)
