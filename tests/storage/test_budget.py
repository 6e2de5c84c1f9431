"""The budget in the database: extended, closed, opened again, and read by the claim itself."""

import pytest

from storage.budget import StudyBudget
from storage.connect import Database
from storage.errors import NoDatabase
from storage.leases import Lease, Leases, Spent, Wait


@pytest.fixture
def budget(database: Database, study_id: int) -> StudyBudget:
    return StudyBudget(database, study_id, pinned=1)


@pytest.fixture
def leases(database: Database, study_id: int) -> Leases:
    return Leases(database, study_id)


def test_the_next_claim_reads_an_extension(leases: Leases, budget: StudyBudget) -> None:
    leases.claim("a", n_trials=1)
    assert isinstance(leases.claim("b", n_trials=1), Wait)
    budget.extend(2)
    assert isinstance(leases.claim("b", n_trials=1), Lease)
    assert isinstance(leases.claim("c", n_trials=1), Wait)
    assert leases.taken() == 2


def test_a_finite_space_caps_an_extension(leases: Leases, budget: StudyBudget) -> None:
    budget.extend(9)
    leases.claim("a", n_trials=1, most=1)
    assert isinstance(leases.claim("b", n_trials=1, most=1), Wait)


def test_a_closed_study_lets_trials_go_on_and_takes_none(
    leases: Leases, budget: StudyBudget
) -> None:
    budget.extend(5)
    lease = leases.start(leases.claim("a", n_trials=1))
    closed = budget.close("enough", finished=3, after=None)
    assert budget.close("later", finished=4, after=None) == closed
    assert isinstance(leases.claim("b", n_trials=1), Wait)
    leases.release(lease)
    again = leases.claim("b", n_trials=1)
    assert again.trial_id == lease.trial_id
    leases.done(again)
    assert leases.claim("c", n_trials=1) == Spent("enough")


def test_an_extension_opens_a_closed_study(leases: Leases, budget: StudyBudget) -> None:
    budget.close("enough", finished=0, after=None)
    assert budget.closed() is not None
    assert leases.claim("a", n_trials=1) == Spent("enough")
    budget.extend(2)
    assert budget.closed() is None
    assert budget.last_closed() is not None
    assert isinstance(leases.claim("a", n_trials=1), Lease)


def test_an_extension_stands_against_a_reason_from_before_it(budget: StudyBudget) -> None:
    """Of two workers that find no gain, one may be so slow that an extension comes in between."""
    first = budget.close("no gain", finished=4, after=None)
    budget.extend(2)
    assert budget.close("no gain", finished=4, after=None) is None
    assert budget.closed() is None
    again = budget.close("no gain", finished=8, after=first)
    assert again is not None
    assert budget.closed() == again


def test_a_number_that_is_not_higher_is_no_extension(budget: StudyBudget) -> None:
    assert budget.extend(1) is None
    assert budget.extend(3) is not None
    assert budget.extend(2) is None
    assert [one.after for one in budget.extensions()] == [3]


def test_the_timeout_closes_the_study_by_the_databases_clock(
    leases: Leases, budget: StudyBudget
) -> None:
    budget.extend(9)
    first = leases.claim("a", n_trials=1, timeout_s=1e-9)
    assert isinstance(first, Lease)  # nothing had begun, so no time had passed
    leases.done(leases.start(first))
    assert leases.claim("b", n_trials=1, timeout_s=1e-9) == Spent(
        "the study's timeout of 1e-09 s is over"
    )
    budget.extend(10)
    assert isinstance(leases.claim("b", n_trials=1, timeout_s=1e9), Lease)
    assert isinstance(leases.claim("c", n_trials=1, timeout_s=1e-9), Wait)
    closed = budget.closed()
    assert closed is not None
    assert "timeout" in closed.reason


def test_a_spent_budget_is_not_said_to_be_out_of_time(leases: Leases, budget: StudyBudget) -> None:
    assert budget.time_over(1e-9) is None  # no trial has begun
    leases.done(leases.start(leases.claim("a", n_trials=1)))
    assert leases.claim("b", n_trials=1, timeout_s=1e-9) == Spent()
    assert budget.closed() is None
    assert budget.time_over(1e-9) == "the study's timeout of 1e-09 s is over"
    assert budget.time_over(1e9) is None
    assert budget.time_over(None) is None


def test_a_study_that_was_deleted_cannot_be_extended(
    database: Database, study_id: int, budget: StudyBudget
) -> None:
    database.storage.delete_study(study_id)
    with pytest.raises(NoDatabase):
        budget.extend(2)
