"""Optuna's calls whose answer is lost after they were done: each recognises its own work."""

from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import optuna
import psycopg
import pytest
import sqlalchemy as sa
from optuna.distributions import FloatDistribution
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from storage import lease_rows
from storage.connect import connect
from storage.errors import Missing
from storage.leases import Leases
from storage.patience import Patience
from storage.study_lock import lock_study
from storage.url import StorageURL

UNIFORM = FloatDistribution(0, 1)
MAXIMIZE = [StudyDirection.MAXIMIZE]


@pytest.fixture
def database(postgres_url):
    with connect(StorageURL.parse(postgres_url), patience=Patience(outage_s=30.0)) as opened:
        yield opened


@pytest.fixture
def storage(database):
    return database.storage


@pytest.fixture
def fail_commit(storage, monkeypatch):
    """Let the connection be lost at the storage's next commit: after it was done, or before."""
    backend = storage._backend
    wanted, armed = [], []

    def commit(connection):
        done = armed.pop() if armed else None
        if done is not False:
            real(connection)
        if done is not None:
            raise psycopg.errors.AdminShutdown("terminating connection")

    def fail_next(*, done):
        wanted.append(done)

    def arm(*_):
        armed.extend(wanted)
        wanted.clear()

    @contextmanager
    def writing():
        with opened() as connection:
            yield connection
            arm()

    # Leases commit by the same function: only sessions and writes to a trial are the storage's.
    sa.event.listen(backend.scoped_session, "before_commit", arm)
    opened = backend._writing
    monkeypatch.setattr(backend, "_writing", writing)
    real = backend.engine.dialect.do_commit
    monkeypatch.setattr(backend.engine.dialect, "do_commit", commit)
    return fail_next


@pytest.fixture
def lose_answer(fail_commit):
    return lambda: fail_commit(done=True)


@pytest.fixture
def study_id(storage):
    return storage.create_new_study(MAXIMIZE, "s")


@pytest.fixture
def trial_id(storage, study_id):
    return storage.create_new_trial(study_id)


@pytest.fixture
def other(postgres_url, database):
    """Another process' view of the database."""
    return optuna.storages.RDBStorage(StorageURL.parse(postgres_url).sqlalchemy)


@pytest.mark.parametrize(
    ("state", "values"),
    [(TrialState.COMPLETE, [0.5]), (TrialState.PRUNED, None), (TrialState.FAIL, None)],
)
def test_trial_that_was_told_is_told(storage, trial_id, lose_answer, state, values):
    lose_answer()
    assert storage.set_trial_state_values(trial_id, state, values)
    trial = storage.get_trial(trial_id)
    assert (trial.state, trial.values) == (state, values)


def test_trial_that_was_told_under_its_fence_is_told(database, storage, study_id, lose_answer):
    leases = Leases(database, study_id)
    lease = leases.start(leases.claim("a", n_trials=1))
    lose_answer()
    with database.fence(lease):
        assert storage.set_trial_state_values(lease.trial_id, TrialState.COMPLETE, [0.5])
    assert storage.get_trial(lease.trial_id).value == 0.5
    assert [row.done for row in leases.rows()] == [True]


def test_trial_that_another_ended_before_the_repeat_is_not_taken_for_ours(
    storage, trial_id, fail_commit, other, monkeypatch
):
    fail_commit(done=False)
    real = storage._backend._writing
    asked = []

    def writing():
        if asked:
            other.set_trial_state_values(trial_id, TrialState.FAIL)
        asked.append(trial_id)
        return real()

    monkeypatch.setattr(storage._backend, "_writing", writing)
    with pytest.raises(UpdateFinishedTrialError):
        storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
    assert len(asked) == 2
    assert storage.get_trial(trial_id).state == TrialState.FAIL


def test_parameter_report_and_attributes_are_there_once(storage, trial_id, lose_answer):
    for write in (
        lambda: storage.set_trial_param(trial_id, "x", 0.25, UNIFORM),
        lambda: storage.set_trial_intermediate_value(trial_id, 1, 0.5),
        lambda: storage.set_trial_user_attr(trial_id, "k", 1),
        lambda: storage.set_trial_system_attr(trial_id, "k", 2),
    ):
        lose_answer()
        write()
    trial = storage.get_trial(trial_id)
    assert (trial.params, trial.intermediate_values) == ({"x": 0.25}, {1: 0.5})
    assert (trial.user_attrs, trial.system_attrs) == ({"k": 1}, {"k": 2})


@pytest.mark.parametrize("name", ["s", None])
def test_study_that_was_made_is_ours(storage, lose_answer, name):
    lose_answer()
    made = storage.create_new_study(MAXIMIZE, name)
    assert [study._study_id for study in storage.get_all_studies()] == [made]
    assert storage.get_study_directions(made) == MAXIMIZE


def test_study_that_another_made_of_that_name_is_not_taken_for_ours(storage, study_id):
    with pytest.raises(DuplicatedStudyError):
        storage.create_new_study(MAXIMIZE, "s")


def test_trial_that_was_made_is_there_once(storage, study_id, lose_answer):
    template = create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 0.25}})
    lose_answer()
    made = storage.create_new_trial(study_id, template)
    assert [trial._trial_id for trial in storage.get_all_trials(study_id)] == [made]
    assert storage.get_trial(made).system_attrs == {"fixed_params": {"x": 0.25}}
    lose_answer()
    assert storage.get_trial(storage.create_new_trial(study_id)).number == 1


def test_trial_made_while_another_waited_for_its_turn_has_its_own_number(
    database, storage, study_id
):
    with ThreadPoolExecutor(1) as pool, database.engine.begin() as connection:
        lock_study(connection, study_id)
        waits = pool.submit(storage.create_new_trial, study_id)
        assert not wait([waits], timeout=1.0).done
        before = lease_rows.create_trial(connection, study_id, 0.0)
        connection.commit()
        after = waits.result()
    assert before < after
    numbers = {trial._trial_id: trial.number for trial in storage.get_all_trials(study_id)}
    assert numbers == {before: 0, after: 1}


def test_study_that_was_deleted_is_gone(storage, study_id, lose_answer):
    lose_answer()
    storage.delete_study(study_id)
    assert storage.get_all_studies() == []
    with pytest.raises(KeyError):
        storage.delete_study(study_id)


def test_study_is_deleted_although_a_worker_writes_to_it_meanwhile(
    database, storage, trial_id, postgres_url
):
    with connect(StorageURL.parse(postgres_url)) as other, ThreadPoolExecutor(1) as pool:
        writing = []

        def write(*_):
            if not writing:
                writing.append(pool.submit(other.storage.set_trial_user_attr, trial_id, "k", 1))
                wait(writing, timeout=0.5)

        sa.event.listen(storage._backend.scoped_session, "before_flush", write)
        (study,) = storage.get_all_studies()
        storage.delete_study(study._study_id)
        assert storage.get_all_studies() == []
        assert isinstance(writing[0].exception(), Missing)


def test_write_that_was_not_done_is_done_by_the_repeat(storage, trial_id, fail_commit):
    fail_commit(done=False)
    storage.set_trial_intermediate_value(trial_id, 1, 0.5)
    assert storage.get_trial(trial_id).intermediate_values == {1: 0.5}
