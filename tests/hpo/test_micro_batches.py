"""Sizes that fit, remembered in a study: seen by all, lowered by any, raised by none."""

import threading

import pytest
from optuna.study import StudyDirection

from hpo.micro_batches import StudyMicroBatches
from storage.connect import connect
from storage.url import StorageURL

KEY = '{"model": "gogamza/kobart-base-v2", "device": "NVIDIA T4 15 GiB"}'


@pytest.fixture
def sizes(database_url: str) -> StudyMicroBatches:
    storage = connect(StorageURL.parse(database_url)).storage
    return StudyMicroBatches(storage, storage.create_new_study([StudyDirection.MAXIMIZE], "s"))


def test_a_workers_find_is_known_to_the_others(sizes: StudyMicroBatches, database_url: str) -> None:
    assert sizes.known(KEY) is None
    sizes.found(KEY, 8)
    other = StudyMicroBatches(connect(StorageURL.parse(database_url)).storage, sizes.study_id)
    assert other.known(KEY) == 8
    assert other.known(KEY + " ") is None


def test_another_study_does_not_know_it(sizes: StudyMicroBatches) -> None:
    sizes.found(KEY, 8)
    other = sizes.storage.create_new_study([StudyDirection.MAXIMIZE], "other")
    assert StudyMicroBatches(sizes.storage, other).known(KEY) is None


def test_those_who_find_at_once_only_ever_lower_it(
    sizes: StudyMicroBatches, database_url: str
) -> None:
    def find(size: int) -> None:
        own = StudyMicroBatches(connect(StorageURL.parse(database_url)).storage, sizes.study_id)
        own.found(KEY, size)
        known = own.known(KEY)
        assert known is not None
        assert known <= size

    threads = [threading.Thread(target=find, args=(size,)) for size in (16, 2, 8, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes.known(KEY) == 2
    sizes.found(KEY, 32)
    assert sizes.known(KEY) == 2
