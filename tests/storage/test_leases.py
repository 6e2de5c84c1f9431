import time
from concurrent.futures import ThreadPoolExecutor, wait

import optuna
import psycopg
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState

from storage.connect import connect
from storage.errors import LeaseLost, NoDatabase, StorageError, Unreachable
from storage.leases import POLL_S, Lease, Leases, Spent, Wait
from storage.study_lock import lock_study
from storage.tables import LEASES, TRIALS
from storage.url import StorageURL

KILLED_LEASE_S = 0.4
IN_ITS_WAY_S = 0.3  # long enough to see that something waits
WRITERS = 3
WRITES = 8
ENQUEUED = 12


@pytest.fixture
def leases(database, study_id):
    return Leases(database, study_id)


@pytest.fixture
def run_out(database):
    """Let all open leases run out, without the wait."""

    def age():
        with database.writing() as connection:
            held = LEASES.update().where(LEASES.c.expires_at > 0)
            connection.execute(held.values(expires_at=LEASES.c.expires_at - 100))

    return age


def begin(leases, worker="a", *, n_trials=9):
    return leases.start(leases.claim(worker, n_trials=n_trials))


def finish(study, leases, lease, *, value=0.5):
    study._storage.set_trial_state_values(lease.trial_id, TrialState.COMPLETE, [value])
    assert leases.done(lease)


def trials(study):
    return [(trial.number, trial.state) for trial in study.get_trials(deepcopy=False)]


def test_new_trial_is_taken_before_it_exists_and_runs_once_started(study, leases):
    lease = leases.claim("a", n_trials=2)
    assert lease == Lease(study._study_id, 0, None, "a", 1, continued=False)
    assert trials(study) == []
    started = leases.start(lease)
    assert trials(study) == [(0, TrialState.RUNNING)]
    assert study.get_trials()[0]._trial_id == started.trial_id


def test_started_trial_works_like_one_of_optunas(study, leases):
    lease = begin(leases)
    trial = optuna.trial.Trial(study, lease.trial_id)
    value = trial.suggest_float("x", 0, 1)
    trial.report(value, 1)
    study.tell(trial, value)
    done = study.best_trial
    assert (done.params, done.value, done.intermediate_values) == ({"x": value}, value, {1: value})
    assert done.datetime_start.timestamp() == pytest.approx(time.time(), abs=5)
    assert done.duration.total_seconds() >= 0
    assert study.ask().number == 1


def test_budget_counts_every_trial_taken_and_ends_when_none_runs(study, leases):
    first, second = begin(leases, n_trials=2), begin(leases, "b", n_trials=2)
    assert leases.claim("c", n_trials=2) == Wait(POLL_S, 2)
    finish(study, leases, first)
    assert leases.claim("c", n_trials=2) == Wait(POLL_S, 1)
    finish(study, leases, second)
    assert leases.claim("c", n_trials=2) == Spent()
    assert leases.taken() == 2


def test_budget_may_be_extended_or_lowered_at_any_time(study, leases):
    finish(study, leases, begin(leases, n_trials=1))
    assert leases.claim("a", n_trials=1) == Spent()
    assert isinstance(leases.claim("a", n_trials=2), Lease)
    assert isinstance(leases.claim("b", n_trials=1), Wait)
    assert leases.claim("b", n_trials=0) == Wait(POLL_S, 1)


def test_trial_of_a_silent_worker_goes_on_with_the_next(study, leases, run_out):
    lease = begin(leases, n_trials=1)
    wait = leases.claim("b", n_trials=1)
    assert wait == Wait(POLL_S, 1)
    run_out()
    taken = leases.claim("b", n_trials=1)
    assert taken == Lease(study._study_id, 0, lease.trial_id, "b", 2, continued=True)
    assert leases.start(taken) == taken
    assert trials(study) == [(0, TrialState.RUNNING)]


def test_renewed_lease_lasts_from_now_on(study, database, run_out):
    leases = Leases(database, study._study_id, lease_s=150)
    lease = begin(leases, n_trials=1)
    for _ in range(3):
        run_out()
        assert leases.renew(lease)
        assert 140 < leases.rows()[0].expires_in <= 150
    assert isinstance(leases.claim("b", n_trials=1), Wait)


def test_late_worker_keeps_a_lease_that_nobody_took(leases, run_out):
    lease = begin(leases, n_trials=1)
    run_out()
    assert leases.renew(lease)
    assert isinstance(leases.claim("b", n_trials=1), Wait)


def test_worker_that_lost_its_lease_can_change_nothing(leases, run_out):
    lost = begin(leases, n_trials=1)
    run_out()
    held = leases.claim("b", n_trials=1)
    before = leases.rows()[0]
    assert not any(
        [leases.renew(lost), leases.release(lost), leases.done(lost), leases.cancel(lost)]
    )
    with pytest.raises(LeaseLost):
        leases.start(lost)
    after = leases.rows()[0]
    assert (after.worker, after.attempt, after.done) == ("b", 2, False)
    assert after.expires_in <= before.expires_in
    assert leases.renew(held)


def test_same_worker_losing_and_retaking_holds_only_the_newer_lease(leases, run_out):
    older = begin(leases, n_trials=1)
    run_out()
    newer = leases.claim("a", n_trials=1)
    assert not leases.renew(older)
    assert leases.renew(newer)


def test_trial_given_back_goes_on_at_once_and_counts_no_attempt(study, leases):
    lease = begin(leases, n_trials=1)
    assert leases.release(lease)
    assert not leases.renew(lease)
    taken = leases.claim("b", n_trials=1)
    assert taken == Lease(study._study_id, 0, lease.trial_id, "b", 1, continued=True)


def test_attempts_count_the_workers_that_died(leases, run_out):
    begin(leases, n_trials=1)
    for attempt in (2, 3):
        run_out()
        assert leases.claim("next", n_trials=1).attempt == attempt


def test_worker_that_died_before_its_trial_existed_costs_no_budget(study, leases, run_out):
    leases.claim("a", n_trials=1)
    run_out()
    taken = leases.claim("b", n_trials=1)
    assert (taken.slot, taken.trial_id, taken.continued) == (0, None, False)
    leases.start(taken)
    assert trials(study) == [(0, TrialState.RUNNING)]


def test_crash_between_creating_and_binding_leaves_no_trial(study, leases, monkeypatch):
    lease = leases.claim("a", n_trials=1)
    created = []

    def create_and_die(*arguments):
        created.append(real(*arguments))
        raise KeyboardInterrupt

    real = leases._running_trial.__globals__["lease_rows"].create_trial
    with monkeypatch.context() as patch:
        patch.setattr("storage.lease_rows.create_trial", create_and_die)
        with pytest.raises(KeyboardInterrupt):
            leases.start(lease)
    assert created
    assert trials(study) == []
    assert leases.start(lease).trial_id is not None
    assert trials(study) == [(0, TrialState.RUNNING)]


def test_starting_twice_gives_the_same_trial(study, leases):
    """As a worker does that lost the connection before it heard that it had started."""
    lease = leases.claim("a", n_trials=1)
    assert leases.start(lease) == leases.start(lease)
    assert len(trials(study)) == 1


def test_finished_trial_is_never_taken_over(study, leases, run_out):
    """Its worker died between ending the trial and closing the lease."""
    lease = begin(leases, n_trials=1)
    study._storage.set_trial_state_values(lease.trial_id, TrialState.FAIL)
    assert leases.claim("b", n_trials=1) == Spent()
    run_out()
    assert leases.claim("b", n_trials=1) == Spent()
    assert leases.rows()[0].done


def test_enqueued_trials_come_first_in_order_and_count(study, leases):
    study.enqueue_trial({"x": 0.25})
    study.enqueue_trial({"x": 0.75})
    values = []
    for worker in "ab":
        lease = begin(leases, worker, n_trials=3)
        values.append(optuna.trial.Trial(study, lease.trial_id).suggest_float("x", 0, 1))
    assert values == [0.25, 0.75]
    assert begin(leases, "c", n_trials=3).trial_id not in (None, 1, 2)
    assert isinstance(leases.claim("d", n_trials=3), Wait)
    assert [state for _, state in trials(study)] == [TrialState.RUNNING] * 3


def test_reserved_enqueued_trial_survives_its_worker(study, leases, run_out):
    study.enqueue_trial({"x": 0.25})
    reserved = leases.claim("a", n_trials=1)
    run_out()
    taken = leases.claim("b", n_trials=1)
    assert (taken.trial_id, taken.continued) == (reserved.trial_id, False)
    assert leases.start(taken).trial_id == reserved.trial_id
    assert trials(study) == [(0, TrialState.RUNNING)]


def test_enqueued_trial_popped_by_a_foreign_program_is_left_to_it(study, leases):
    study.enqueue_trial({"x": 0.25})
    lease = leases.claim("a", n_trials=1)
    foreign = study.ask()
    started = leases.start(lease)
    assert foreign._trial_id == lease.trial_id != started.trial_id


def test_reserved_trial_that_a_foreign_program_is_just_taking_is_left_to_it(
    study, database, leases
):
    """Optuna's study.optimize has the row locked while ours wants to start the same trial."""
    study.enqueue_trial({"x": 0.25})
    lease = leases.claim("a", n_trials=1)
    with ThreadPoolExecutor(1) as pool, database.writing() as foreign:
        taken = TRIALS.update().where(TRIALS.c.trial_id == lease.trial_id)
        foreign.execute(taken.values(state=TrialState.RUNNING))
        ours = pool.submit(leases.start, lease)
        assert not wait([ours], timeout=IN_ITS_WAY_S).done
    assert ours.result().trial_id != lease.trial_id
    assert trials(study) == [(0, TrialState.RUNNING), (1, TrialState.RUNNING)]


def test_reservation_lost_to_a_foreign_program_costs_no_place_in_the_budget(study, leases, run_out):
    study.enqueue_trial({"x": 0.25})
    leases.claim("a", n_trials=1)
    study.tell(study.ask(), 0.5)  # the foreign program ran it while ours was dead
    assert isinstance(leases.claim("b", n_trials=1), Wait)
    run_out()
    taken = leases.claim("b", n_trials=1)
    assert taken == Lease(study._study_id, 0, None, "b", 2, continued=False)
    assert leases.start(taken).trial_id is not None
    assert trials(study) == [(0, TrialState.COMPLETE), (1, TrialState.RUNNING)]


@pytest.mark.parametrize("enqueued", [False, True])
def test_trial_ended_by_another_program_before_it_goes_on_is_not_run_again(study, leases, enqueued):
    """Somebody fails it in the dashboard between the claim and the start."""
    if enqueued:
        study.enqueue_trial({"x": 0.25})
    assert leases.release(begin(leases, n_trials=1))
    taken = leases.claim("b", n_trials=1)
    study._storage.set_trial_state_values(taken.trial_id, TrialState.FAIL)
    with pytest.raises(LeaseLost, match="slot 0 was ended by another program"):
        leases.start(taken)
    assert leases.rows()[0].done
    assert leases.claim("b", n_trials=1) == Spent()
    assert trials(study) == [(0, TrialState.FAIL)]


def test_trial_given_back_and_then_ended_is_closed_at_once(study, leases):
    lease = begin(leases, n_trials=1)
    leases.release(lease)
    study._storage.set_trial_state_values(lease.trial_id, TrialState.FAIL)
    assert leases.claim("b", n_trials=1) == Spent()


def test_lease_given_back_cannot_be_started(leases):
    lease = leases.claim("a", n_trials=1)
    assert leases.release(lease)
    with pytest.raises(LeaseLost):
        leases.start(lease)
    assert isinstance(leases.claim("b", n_trials=1), Lease)


def test_lease_lost_between_claim_and_start_makes_no_trial(study, leases, run_out):
    lost = leases.claim("a", n_trials=1)
    run_out()
    held = leases.claim("b", n_trials=1)
    with pytest.raises(LeaseLost, match="slot 0 was given to another worker"):
        leases.start(lost)
    assert trials(study) == []
    assert leases.start(held).trial_id is not None


def meanwhile(database, change, claim):
    """What a claim gives while the late worker's own change is in the midst of its transaction."""
    with ThreadPoolExecutor(1) as pool:
        with database.writing() as late:
            late.execute(change)
            claimed = pool.submit(claim)
            assert not wait([claimed], timeout=IN_ITS_WAY_S).done
        return claimed.result()


def test_late_worker_that_renews_at_the_moment_of_the_claim_keeps_its_lease(
    database, leases, run_out
):
    begin(leases, n_trials=1)
    run_out()
    renewal = LEASES.update().values(expires_at=LEASES.c.expires_at + 1000)
    got = meanwhile(database, renewal, lambda: leases.claim("b", n_trials=1))
    assert got == Wait(POLL_S, 1)
    assert leases.rows()[0].worker == "a"


def test_late_worker_that_ends_at_the_moment_of_the_claim_is_not_taken_over(
    database, leases, run_out
):
    begin(leases, n_trials=1)
    run_out()
    end = LEASES.update().values(done=True)
    assert meanwhile(database, end, lambda: leases.claim("b", n_trials=1)) == Spent()
    assert leases.rows()[0].worker == "a"


def test_worker_frozen_in_its_decision_holds_up_the_others_only_for_a_while(
    postgres_url, monkeypatch
):
    monkeypatch.setattr("storage.study_lock.DECISION_S", 0.2)
    url = StorageURL.parse(postgres_url)

    def freeze(frozen, leases):
        with frozen.writing() as connection:
            assert lock_study(connection, 1)
            assert isinstance(leases.claim("b", n_trials=1), Lease)
            connection.exec_driver_sql("SELECT 1")

    with connect(url) as frozen, connect(url) as other:
        optuna.create_study(storage=other.storage)
        with pytest.raises(Unreachable, match="idle-in-transaction"):
            freeze(frozen, Leases(other, 1))
        assert Leases(frozen, 1).taken() == 1


def test_connection_lost_after_the_start_is_one_of_ours_and_may_be_repeated(
    study, leases, database, monkeypatch
):
    def lose(*_, **__):
        raise sa.exc.OperationalError("", None, psycopg.errors.AdminShutdown("shutdown"))

    lease = leases.claim("a", n_trials=1)
    with monkeypatch.context() as patch:
        patch.setattr(database.storage, "get_all_trials", lose)
        with pytest.raises(StorageError):
            leases.start(lease)
    assert leases.start(lease).trial_id is not None
    assert trials(study) == [(0, TrialState.RUNNING)]


def test_cancelled_place_goes_back_to_the_budget(leases):
    lease = leases.claim("a", n_trials=1)
    assert leases.cancel(lease)
    assert leases.taken() == 0
    assert leases.claim("a", n_trials=0) == Spent()
    assert isinstance(leases.claim("b", n_trials=1), Lease)


def test_cancelled_reservation_frees_the_enqueued_trial(study, leases):
    study.enqueue_trial({"x": 0.25})
    lease = leases.claim("a", n_trials=1)
    assert leases.cancel(lease)
    assert leases.claim("b", n_trials=1).trial_id == lease.trial_id


def test_started_trial_cannot_be_cancelled(leases):
    lease = begin(leases)
    assert not leases.cancel(lease)
    assert leases.taken() == 1


def test_rows_tell_who_works_on_what(study, leases):
    finish(study, leases, begin(leases, "a"))
    leases.claim("b", n_trials=9)
    first, second = leases.rows()
    assert (first.number, first.state, first.worker, first.done) == (
        0,
        TrialState.COMPLETE,
        "a",
        True,
    )
    assert (second.slot, second.number, second.state, second.done) == (1, None, None, False)
    assert 50 < second.expires_in <= 60


def test_studies_do_not_see_each_others_leases(database, leases):
    other = optuna.create_study(storage=database.storage, study_name="other")
    begin(leases, n_trials=1)
    elsewhere = Leases(database, other._study_id)
    assert begin(elsewhere, n_trials=1).slot == 0
    assert (leases.taken(), elsewhere.taken()) == (1, 1)


def test_deleting_a_study_by_any_program_deletes_its_leases(url, leases, database):
    begin(leases)
    plain = optuna.storages.RDBStorage(url.sqlalchemy)
    optuna.delete_study(study_name="s", storage=plain)
    plain.engine.dispose()
    assert leases.taken() == 0
    again = optuna.create_study(storage=database.storage, study_name="s")
    assert Leases(database, again._study_id).taken() == 0


def test_claim_in_a_deleted_study_says_so(database, leases):
    optuna.delete_study(study_name="s", storage=database.storage)
    with pytest.raises(NoDatabase, match="no longer"):
        leases.claim("a", n_trials=1)


def test_lease_without_duration_is_refused(database):
    with pytest.raises(ValueError, match="above 0 seconds, but is 0"):
        Leases(database, 1, lease_s=0)


def test_time_is_the_databases_not_the_workers(leases, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    lease = begin(leases, n_trials=1)
    assert leases.renew(lease)
    assert 50 < leases.rows()[0].expires_in <= 60


def test_wait_ends_when_the_first_lease_runs_out(study, database):
    begin(Leases(database, study._study_id, lease_s=3), n_trials=1)
    assert Leases(database, study._study_id).claim("b", n_trials=1).seconds <= 3


def test_processes_claiming_together_take_exactly_the_budget(url, database, study, together):
    outcome = together(6, "work", url.sqlalchemy, "s", 30)
    taken = [trial_id for mine in outcome.results for trial_id in mine]
    assert outcome.codes == [0] * 6
    assert len(taken) == len(set(taken)) == 30
    assert trials(study) == [(number, TrialState.COMPLETE) for number in range(30)]
    assert Leases(database, study._study_id).taken() == 30


def test_optunas_writes_and_ours_wait_for_each_other_in_one_process(study, database, leases):
    """On SQLite the two have engines of their own, and either may hold the one write lock."""

    def work(worker):
        for step in range(WRITES):
            lease = begin(leases, worker, n_trials=1000)
            study._storage.set_trial_user_attr(lease.trial_id, "by", worker)
            study._storage.set_trial_intermediate_value(lease.trial_id, step, 0.5)
            assert leases.renew(lease)
            finish(study, leases, lease)
        study._storage.remove_session()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, "abc"[:WRITERS]))
    expected = [(number, TrialState.COMPLETE) for number in range(WRITERS * WRITES)]
    assert trials(study) == expected
    assert all(row.done for row in leases.rows())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_workers_and_a_plain_study_optimize_share_the_enqueued_trials(url, study, together):
    """Only on PostgreSQL: on SQLite Optuna itself may give one trial to two of its callers."""
    for number in range(ENQUEUED):
        study.enqueue_trial({"x": number / ENQUEUED})
    outcome = together(4, "compete", url.sqlalchemy, "s", ENQUEUED)
    assert outcome.codes == [0] * 4
    ran = [trial_id for mine in outcome.results for trial_id in mine]
    done = study.get_trials(deepcopy=False)
    assert sorted(ran) == [trial._trial_id for trial in done]
    fixed = [trial.params["x"] for trial in done if "fixed_params" in trial.system_attrs]
    assert sorted(fixed) == [number / ENQUEUED for number in range(ENQUEUED)]
    assert {trial.state for trial in done} == {TrialState.COMPLETE}


def test_processes_take_each_enqueued_trial_exactly_once(url, study, together):
    for number in range(ENQUEUED):
        study.enqueue_trial({"x": number / ENQUEUED})
    outcome = together(4, "work", url.sqlalchemy, "s", ENQUEUED + 4)
    taken = [trial_id for mine in outcome.results for trial_id in mine]
    assert len(taken) == len(set(taken)) == ENQUEUED + 4
    values = sorted(
        trial.params["x"] for trial in study.trials if "fixed_params" in trial.system_attrs
    )
    assert values == [number / ENQUEUED for number in range(ENQUEUED)]


def test_trial_of_a_killed_process_goes_on_with_its_parameters_and_curve(
    url, database, study, together
):
    assert together(1, "hold", url.sqlalchemy, "s", KILLED_LEASE_S).codes == [9]
    time.sleep(KILLED_LEASE_S)
    lease = begin(Leases(database, study._study_id), "b", n_trials=1)
    assert (lease.continued, lease.attempt) == (True, 2)
    trial = optuna.trial.Trial(study, lease.trial_id)
    before = study.get_trials()[0]
    assert trial.suggest_float("x", 0, 1) == before.params["x"]
    assert before.intermediate_values == {1: 0.5}


def test_continued_trial_accepts_new_parameters_in_a_fresh_process(url, study, leases):
    """Its worker died before it had drawn any; Optuna's cache has not seen the trial here."""
    lease = begin(leases, n_trials=1)
    leases.release(lease)
    with connect(url) as fresh:
        opened = optuna.load_study(storage=fresh.storage, study_name="s")
        taken = begin(Leases(fresh, opened._study_id), "b", n_trials=1)
        value = optuna.trial.Trial(opened, taken.trial_id).suggest_float("x", 0, 1)
    assert study.get_trials()[0].params == {"x": value}


def test_rows_of_other_tables_are_left_alone_by_a_rolled_back_claim(database, leases, monkeypatch):
    monkeypatch.setattr("storage.lease_rows.taken_and_next", lambda *_: (0, None))
    with pytest.raises(Exception, match="hpo_leases"):
        leases.claim("a", n_trials=1)
    with database.reading() as connection:
        assert connection.execute(LEASES.select()).all() == []
