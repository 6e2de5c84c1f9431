"""How often a trial may lose its worker, and what is asked twice because an answer was lost."""

import optuna
import pytest
from optuna.trial import TrialState

from storage.leases import Lease, Leases, Spent, Wait


@pytest.fixture
def leases(database, study_id):
    return Leases(database, study_id)


def begin(leases, worker="a", *, n_trials=9):
    return leases.start(leases.claim(worker, n_trials=n_trials))


def test_trial_that_killed_its_workers_is_failed_with_that_reason(study, leases, run_out):
    begin(leases, n_trials=2)
    for worker in "bc":
        run_out()
        assert leases.claim(worker, n_trials=2).slot == 0
    run_out()
    assert leases.claim("d", n_trials=2).slot == 1
    trial = study.get_trials()[0]
    assert (trial.state, trial.user_attrs) == (
        TrialState.FAIL,
        {"hpo:error": "killed its worker 3 times"},
    )
    assert trial.duration.total_seconds() >= 0
    assert [(row.slot, row.done, row.attempt) for row in leases.rows()] == [
        (0, True, 3),
        (1, False, 1),
    ]


def test_all_trials_that_killed_their_workers_are_failed_by_one_claim(study, leases, run_out):
    begin(leases, "a", n_trials=2)
    begin(leases, "b", n_trials=2)
    run_out()
    assert leases.claim("c", n_trials=2, max_attempts=1) == Spent()
    assert [trial.user_attrs["hpo:error"] for trial in study.get_trials()] == [
        "killed its worker once"
    ] * 2


def test_worker_of_a_failed_trial_that_was_only_late_can_change_nothing(leases, run_out):
    late = begin(leases, n_trials=1)
    run_out()
    leases.claim("b", n_trials=1, max_attempts=1)
    assert not any([leases.renew(late), leases.release(late), leases.done(late)])


def test_trial_given_back_any_number_of_times_is_never_failed_for_it(leases):
    for worker in "abcdef":
        lease = begin(leases, worker, n_trials=1)
        assert lease.attempt == 1
        assert leases.release(lease)


def test_trial_given_up_is_told_once_also_after_a_lost_answer(study, leases, run_out, lose_answer):
    told = []
    lease = begin(leases, n_trials=1)
    run_out()
    lose_answer()
    leases.claim("b", n_trials=1, max_attempts=1, on_given_up=told.append)
    leases.claim("b", n_trials=1, max_attempts=1, on_given_up=told.append)
    assert told == [lease.trial_id]


def test_workers_that_died_before_the_trial_existed_do_not_fail_it(study, leases, run_out):
    for worker in "abcde":
        assert leases.claim(worker, n_trials=1).trial_id is None
        run_out()
    begin(leases, "f", n_trials=1)
    assert [trial.state for trial in study.get_trials()] == [TrialState.RUNNING]


def test_earlier_error_of_the_trial_is_replaced_by_the_reason(study, leases, run_out):
    lease = begin(leases, n_trials=1)
    study._storage.set_trial_user_attr(lease.trial_id, "hpo:error", "earlier")
    run_out()
    leases.claim("b", n_trials=1, max_attempts=1)
    assert study.get_trials()[0].user_attrs == {"hpo:error": "killed its worker once"}


def test_max_attempts_below_one_is_refused(leases):
    with pytest.raises(ValueError, match="max_attempts must be at least 1, but is 0"):
        leases.claim("a", n_trials=1, max_attempts=0)


def test_lease_of_a_dead_worker_is_forfeited_at_once_and_counts(study, leases):
    lease = begin(leases, n_trials=1)
    assert leases.forfeit("b") == 0
    assert leases.forfeit("a") == 1
    taken = leases.claim("a", n_trials=1)
    assert taken == Lease(study._study_id, 0, lease.trial_id, "a", 2, continued=True)


def test_what_was_given_back_or_done_cannot_be_forfeited(study, leases):
    lease = begin(leases, n_trials=2)
    leases.release(lease)
    assert leases.forfeit("a") == 0
    taken = leases.claim("b", n_trials=2)
    assert taken.attempt == 1
    study._storage.set_trial_state_values(taken.trial_id, TrialState.COMPLETE, [1.0])
    assert leases.done(taken)
    assert leases.forfeit("b") == 0


def test_worker_that_asks_again_gets_the_lease_it_has(study, leases):
    reserved = leases.claim("a", n_trials=9)
    assert leases.claim("a", n_trials=9) == reserved
    started = leases.start(reserved)
    again = leases.claim("a", n_trials=9)
    assert again == Lease(study._study_id, 0, started.trial_id, "a", 1, continued=True)
    assert leases.taken() == 1


def test_claim_whose_answer_was_lost_takes_one_place(leases, lose_answer):
    lost = lose_answer()
    lease = leases.claim("a", n_trials=2)
    assert lost
    assert (lease.slot, lease.attempt, leases.taken()) == (0, 1, 1)


def test_takeover_whose_answer_was_lost_is_one_attempt(study, leases, run_out, lose_answer):
    begin(leases, n_trials=1)
    run_out()
    lose_answer()
    taken = leases.claim("b", n_trials=1)
    assert (taken.attempt, taken.continued, leases.taken()) == (2, True, 1)


def test_start_whose_answer_was_lost_makes_one_trial(study, leases, lose_answer):
    lease = leases.claim("a", n_trials=2)
    lost = lose_answer()
    started = leases.start(lease)
    assert lost
    assert [trial._trial_id for trial in study.get_trials()] == [started.trial_id]


@pytest.mark.parametrize("change", ["renew", "release", "done", "forfeit", "cancel"])
def test_change_whose_answer_was_lost_is_told_as_done(leases, lose_answer, change):
    lease = leases.claim("a", n_trials=2)
    lost = lose_answer()
    if change == "forfeit":
        assert leases.forfeit("a") == 1
    else:
        assert getattr(leases, change)(lease)
    assert lost


def test_cancel_whose_answer_was_lost_gives_one_place_back(leases, lose_answer):
    leases.claim("a", n_trials=2)
    lease = leases.claim("b", n_trials=2)
    lose_answer()
    assert leases.cancel(lease)
    assert leases.taken() == 1
    assert isinstance(leases.claim("c", n_trials=1), Wait)


def test_lost_answer_does_not_give_back_what_another_took_meanwhile(leases, run_out):
    lost = begin(leases, n_trials=1)
    run_out()
    leases.claim("b", n_trials=1)
    assert not leases.release(lost)


def test_enqueued_trial_whose_reservation_answer_was_lost_is_reserved_once(
    study, leases, lose_answer
):
    study.enqueue_trial({"x": 0.25})
    lose_answer()
    lease = leases.claim("a", n_trials=2)
    started = leases.start(lease)
    assert optuna.trial.Trial(study, started.trial_id).suggest_float("x", 0, 1) == 0.25
    assert len(study.get_trials()) == 1
