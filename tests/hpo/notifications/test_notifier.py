"""A worker's notifier against a real receiver: one message a minute, none lost, none twice."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState
from small_search import LR, Search, small_search
from trained_trial import trained_trial
from webhook_server import SECRET, Receiver, receiving

from hpo.notifications import notifier as notifiers
from hpo.notifications import post as posting
from hpo.notifications.notifier import Notifier, WebhookNotifier, open_notifier
from hpo.suggest import distributions
from storage import turns
from storage.connect import Database, connect
from storage.turns import Turns

EVERY_S = 0.6


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path, n_trials=6)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver, and a minute that is short."""
    monkeypatch.setattr(turns, "EVERY_S", EVERY_S)
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.3)
    with receiving() as made:
        yield made


def add(search: Search, value: float | None) -> None:
    state = TrialState.FAIL if value is None else TrialState.COMPLETE
    kinds = distributions(search.config.optuna.search_space)
    search.study.add_trial(
        trained_trial(state=state, value=value, params={LR: 2e-4}, distributions=kinds)
    )


def opened(search: Search, receiver: Receiver, database: Database | None = None) -> Notifier:
    environ = {"HPO_WEBHOOK": receiver.url}
    return open_notifier(
        database or search.database, "s", search.config, environ, say=lambda _: None
    )


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def close(*made: Notifier, end: str | None = None) -> None:
    for notifier in made:
        notifier.close(end=end, hurried=lambda: False)


def test_without_a_webhook_nothing_is_started(search: Search) -> None:
    silent = open_notifier(search.database, "s", search.config, {}, say=lambda _: None)
    assert not isinstance(silent, WebhookNotifier)
    silent.look()
    silent.close(end="the budget is spent", hurried=lambda: False)


def test_what_is_held_back_comes_merged_into_the_next(search: Search, receiver: Receiver) -> None:
    notifier = opened(search, receiver)
    add(search, 0.40)
    notifier.look()
    until(lambda: len(receiver.came) == 1)
    for value in (0.41, 0.42, None, None, None):
        add(search, value)
        notifier.look()
    close(notifier, end="the budget is spent")
    first, second = receiver.news
    assert first["best"]["trial"] == 0
    assert second["best"] == {**second["best"], "trial": 2, "before": 0.40}
    assert second["failure_streak"]["failures"] == 3
    assert second["end"]["trials"] == {"complete": 3, "failed": 3}
    assert min(receiver.gaps) >= EVERY_S
    assert receiver.bodies[1]["text"].startswith("s:\n- new best: rouge_combined_f1 0.4200")


def test_several_workers_say_each_thing_once(search: Search, receiver: Receiver) -> None:
    with connect(search.database.url) as another:
        workers = [opened(search, receiver), opened(search, receiver, another)]
        for value in (0.40, 0.45, 0.44, 0.47):
            add(search, value)
            for worker in workers:
                worker.look()
            time.sleep(0.3)
        close(*workers, end="the budget is spent")
    bests = [news["best"]["value"] for news in receiver.news if "best" in news]
    assert bests == sorted(set(bests))
    assert bests[-1] == 0.47
    assert sum("end" in news for news in receiver.news) == 1
    assert min(receiver.gaps) >= EVERY_S


def test_what_a_dead_worker_did_not_say_the_next_one_says(
    search: Search, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SENDING_S", 0.2)
    add(search, 0.40)
    Turns(search.database, search.study_id).take(None)  # it dies with the turn in its hands
    close(opened(search, receiver))
    assert [news["best"]["value"] for news in receiver.news] == [0.40]


@pytest.mark.parametrize("failure", ["refused", "hangs", "dead"])
def test_a_failing_receiver_harms_nothing_is_logged_once_and_misses_nothing(
    search: Search, receiver: Receiver, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    url = receiver.url
    if failure == "dead":
        receiver.url = f"http://127.0.0.1:9/services/{SECRET}"
    receiver.status = 500 if failure == "refused" else None
    add(search, 0.40)
    with caplog.at_level(logging.WARNING):
        notifier = opened(search, receiver)
        for _ in range(2):
            notifier.look()
            time.sleep(EVERY_S + 0.4)
        close(notifier)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "no message could be sent to the webhook" in caplog.text
    assert "mark3d" not in caplog.text
    receiver.url, receiver.status = url, 200
    before = len(receiver.came)
    close(opened(search, receiver))
    assert [news["best"]["value"] for news in receiver.news[before:]] == [0.40]
    assert not receiver.gaps or min(receiver.gaps) >= EVERY_S


def test_a_worker_that_is_asked_to_stop_does_not_wait(
    search: Search, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "EVERY_S", 600.0)
    monkeypatch.setattr(notifiers, "HURRIED_S", 0.2)
    notifier = opened(search, receiver)
    add(search, 0.40)
    notifier.look()
    until(lambda: len(receiver.came) == 1)
    add(search, 0.41)
    notifier.close(end=None, hurried=lambda: True)
    assert len(receiver.came) == 1
    assert Turns(search.database, search.study_id).told() is not None


def test_a_database_that_is_away_is_left_to_the_next_look(
    search: Search, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> None:
        raise OSError("away")

    notifier = opened(search, receiver)
    with monkeypatch.context() as patch:
        patch.setattr(Turns, "told", away)
        add(search, 0.40)
        notifier.look()
        time.sleep(0.2)
    notifier.look()
    until(lambda: len(receiver.came) == 1)
    close(notifier)
