"""Parameter sets are queued once, whoever asks, in one transaction."""

import threading

import optuna
import pytest

from storage.connect import connect
from storage.queueing import ToQueue, queue_missing

RUNS = [ToQueue({"x": number, "y": 0.1}, {"of": number}) for number in range(5)]


@pytest.fixture
def study(tables, url):
    with connect(url) as database:
        yield optuna.create_study(study_name="s", storage=database.storage)


def test_many_who_ask_at_once_queue_each_set_once(url, study) -> None:
    counts: list[int] = []

    def ask() -> None:
        with connect(url) as database:
            counts.append(queue_missing(database, study._study_id, RUNS))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [5] * 6
    trials = study.get_trials()
    assert [trial.system_attrs["fixed_params"]["x"] for trial in trials] == [0, 1, 2, 3, 4]
    assert [trial.user_attrs["of"] for trial in trials] == [0, 1, 2, 3, 4]


def test_what_is_there_in_whatever_order_of_its_parameters_is_not_queued(url, study) -> None:
    study.enqueue_trial({"y": 0.1, "x": 3})
    with connect(url) as database:
        assert queue_missing(database, study._study_id, RUNS) == 5
