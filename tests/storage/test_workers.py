import optuna
import pytest

from storage.errors import NoDatabase
from storage.lease import LEASE_S
from storage.tables import WORKERS
from storage.workers import LOST_AFTER_S, Workers


@pytest.fixture
def workers(database, study_id):
    return Workers(database, study_id)


def enter(workers, name="a"):
    workers.register(name, host="gpu-1", pid=4711, device="cuda:0")


def make_older(database, seconds):
    with database.writing() as connection:
        connection.execute(WORKERS.update().values(beat_at=WORKERS.c.beat_at - seconds))


def test_registered_worker_is_listed_with_where_it_runs(workers):
    enter(workers)
    (row,) = workers.rows()
    assert (row.worker, row.host, row.pid, row.device) == ("a", "gpu-1", 4711, "cuda:0")
    assert (row.doing, row.state) == ("starting", "working")
    assert 0 <= row.beat_s_ago < 5


def test_beat_says_what_the_worker_does(database, workers):
    enter(workers)
    make_older(database, 100)
    workers.beat("a", "trial 3, epoch 2 of 10 (한국어)")
    (row,) = workers.rows()
    assert row.doing == "trial 3, epoch 2 of 10 (한국어)"
    assert row.beat_s_ago < 5


def test_worker_that_left_is_told_from_one_that_was_lost(database, workers):
    enter(workers, "a")
    enter(workers, "b")
    workers.leave("a")
    make_older(database, LOST_AFTER_S + 1)
    assert [(row.worker, row.state) for row in workers.rows()] == [("a", "left"), ("b", "lost")]
    workers.beat("b", "back")
    assert workers.rows()[1].state == "working"


def test_registering_again_starts_the_row_anew(workers):
    enter(workers)
    workers.leave("a")
    enter(workers)
    assert [row.state for row in workers.rows()] == ["working"]


def test_beat_of_an_unknown_worker_is_no_error(workers):
    workers.beat("nobody", "nothing")
    assert workers.rows() == []


def test_workers_are_listed_in_the_order_they_started(database, workers):
    for name in "cab":
        enter(workers, name)
        with database.writing() as connection:
            connection.execute(WORKERS.update().values(started_at=WORKERS.c.started_at - 10))
    assert [row.worker for row in workers.rows()] == ["c", "a", "b"]
    ages = [row.started_s_ago for row in workers.rows()]
    assert ages == pytest.approx([30, 20, 10], abs=5)


def test_worker_counts_as_lost_only_after_several_leases_of_silence(database, workers):
    """A worker beats when it renews its lease; one beat missed is no reason for alarm."""
    enter(workers)
    make_older(database, LOST_AFTER_S - 5)
    assert workers.rows()[0].state == "working"
    make_older(database, 10)
    assert workers.rows()[0].state == "lost"
    assert LOST_AFTER_S >= 2 * LEASE_S


def test_worker_that_left_is_never_called_lost(database, workers):
    enter(workers)
    workers.leave("a")
    make_older(database, 100 * LOST_AFTER_S)
    assert [(row.state, row.doing) for row in workers.rows()] == [("left", "")]


def test_studies_do_not_see_each_others_workers(database, workers):
    other = optuna.create_study(storage=database.storage, study_name="other")
    elsewhere = Workers(database, other._study_id)
    enter(workers, "a")
    enter(elsewhere, "a")
    elsewhere.leave("a")
    assert [row.state for row in workers.rows()] == ["working"]
    assert [row.state for row in elsewhere.rows()] == ["left"]


def test_workers_go_with_their_study(database, workers):
    enter(workers)
    optuna.delete_study(study_name="s", storage=database.storage)
    assert workers.rows() == []
    workers.beat("a", "a worker that has not heard of it yet")
    assert workers.rows() == []


def test_study_that_is_gone_cannot_be_entered(database):
    with pytest.raises(NoDatabase, match="the study is no longer in"):
        enter(Workers(database, 99))
    with database.reading() as connection:
        assert connection.execute(WORKERS.select()).all() == []


def test_words_of_any_length_and_kind_are_kept(workers):
    enter(workers, "gpu-1:4711'; DROP TABLE hpo_workers; --")
    workers.beat("gpu-1:4711'; DROP TABLE hpo_workers; --", "%s {x} 한글 " * 200)
    assert workers.rows()[0].doing == "%s {x} 한글 " * 200


def test_clock_of_a_worker_plays_no_part(workers, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 0.0)
    enter(workers)
    assert workers.rows()[0].beat_s_ago < 5
