"""A lease lives as long as its keeper, and a lost one is noticed."""

import logging
import threading
import time
from collections.abc import Callable

import pytest

from hpo.lease_keeper import LeaseKeeper, LeaseLost
from storage.errors import FileGone, StorageError, Unreachable
from storage.leases import Lease

LEASE = Lease(study_id=1, slot=0, trial_id=7, worker="w1", attempt=1, continued=False)
LEASE_S = 0.15
SOON_S = 20.0


class Answers:
    """Leases that answer renewals in turn, the last answer for ever; an error is raised."""

    lease_s = LEASE_S

    def __init__(self, *answers: bool | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Lease] = []

    def renew(self, lease: Lease) -> bool:
        self.asked.append(lease)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Beats:
    """Workers that count the beats."""

    def __init__(self) -> None:
        self.beats: list[tuple[str, str]] = []

    def beat(self, worker: str, doing: str) -> None:
        self.beats.append((worker, doing))


def keeper_of(leases: Answers, beats: Beats | None = None) -> LeaseKeeper:
    return LeaseKeeper(leases, beats or Beats(), LEASE)  # type: ignore[arg-type]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def test_a_lease_is_renewed_several_times_within_its_length() -> None:
    leases, beats = Answers(True), Beats()
    began = time.monotonic()
    with keeper_of(leases, beats) as keeper:
        until(lambda: len(beats.beats) >= 3)
        keeper.check()
    assert time.monotonic() - began >= 3 * LEASE_S / 3
    assert set(leases.asked) == {LEASE}
    assert set(beats.beats) == {("w1", "training")}


def test_nothing_is_renewed_after_the_end() -> None:
    leases = Answers(True)
    with keeper_of(leases):
        until(lambda: len(leases.asked) >= 1)
    asked = len(leases.asked)
    time.sleep(LEASE_S)
    assert len(leases.asked) == asked
    assert not [thread for thread in threading.enumerate() if thread.name == "lease"]


def test_a_lost_lease_is_noticed_and_never_asked_about_again() -> None:
    leases = Answers(True, False)
    with keeper_of(leases) as keeper:
        until(lambda: len(leases.asked) >= 2)
        time.sleep(LEASE_S)
        with pytest.raises(LeaseLost):
            keeper.check()
        with pytest.raises(LeaseLost):
            keeper.confirm()
    assert len(leases.asked) == 2


def test_an_unreachable_database_is_asked_again_and_loses_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leases = Answers(Unreachable("db does not answer"), Unreachable("db does not answer"), True)
    beats = Beats()
    with caplog.at_level(logging.WARNING), keeper_of(leases, beats) as keeper:
        until(lambda: len(beats.beats) >= 1)
        keeper.check()
    assert len(leases.asked) >= 3
    assert (
        caplog.messages[:2] == ["lease of trial not renewed, asking again: db does not answer"] * 2
    )


def test_confirming_renews_at_once() -> None:
    leases = Answers(True)
    keeper_of(leases).confirm()
    assert leases.asked == [LEASE]


def test_confirming_a_lost_lease_raises_and_is_remembered() -> None:
    leases = Answers(False)
    keeper = keeper_of(leases)
    with pytest.raises(LeaseLost):
        keeper.confirm()
    with pytest.raises(LeaseLost):
        keeper.check()
    assert len(leases.asked) == 1


def test_confirming_passes_a_database_failure_on_without_calling_the_lease_lost() -> None:
    keeper = keeper_of(Answers(Unreachable("db does not answer"), True))
    with pytest.raises(StorageError):
        keeper.confirm()
    keeper.check()
    keeper.confirm()


def test_the_thread_ends_with_an_error_inside() -> None:
    with pytest.raises(ValueError, match="broken"), keeper_of(Answers(True)):
        raise ValueError("broken")
    assert not [thread for thread in threading.enumerate() if thread.name == "lease"]


def test_what_catches_a_trials_failures_lets_a_lost_lease_through() -> None:
    assert not issubclass(LeaseLost, Exception)


def test_a_database_file_that_is_gone_ends_the_training() -> None:
    with keeper_of(Answers(True, FileGone("hpo.db was deleted"))) as keeper:
        until(lambda: keeper._gone is not None)
        with pytest.raises(FileGone, match="deleted"):
            keeper.check()
