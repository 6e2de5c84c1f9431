"""A worker's messages about its study, from a thread of its own: no trial waits for it or fails.

The thread looks at the study when a trial has ended, and now and then for what other workers did.
What there is to say is found in the database and said by whoever has the turn (storage.turns);
while it is held back, or the receiver does not answer, it grows together with what comes after it.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.samplers import Queued
from config.schema import Configuration
from hpo.hiding import hide
from hpo.notifications.news import News, Told, find_news
from hpo.notifications.post import NotSent, post
from hpo.notifications.webhook import Message, Webhook, webhook_of
from hpo.study import own_trials
from storage.connect import Database
from storage.turns import EVERY_S, SENDING_S, NotYet, Turns

LOOK_S = 30.0
"""Longest time between two looks at what other workers did."""
CLOSE_S = EVERY_S + 2 * SENDING_S
"""Longest wait of a worker at its end for its turn and the receiver."""
HURRIED_S = 3.0
"""The same when it was asked to stop."""
POLL_S = 0.1

log = logging.getLogger(__name__)


class Notifier:
    """What a worker tells of its study. This one tells nobody."""

    def look(self) -> None:
        """Say that there may be news; returns at once."""

    def close(self, *, end: str | None, hurried: Callable[[], bool]) -> None:
        """Say what is left to say. `end` is why the study takes no more trials, None while it does.

        Waits for the minute to pass, but a few seconds only once `hurried` says so.
        """


@dataclass(frozen=True)
class _Look:
    """What a look came to: the seconds to the next one, and whether nothing can be said now."""

    seconds: float
    is_done: bool


class WebhookNotifier(Notifier):
    """Tells a webhook. `say` prints a line for whoever waits for the worker's end."""

    def __init__(
        self,
        webhook: Webhook,
        database: Database,
        name: str,
        *,
        config: Configuration,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._webhook = webhook
        self._database = database
        self._name = name
        self._study_id = database.storage.get_study_id_from_name(name)
        self._own = own_trials(database, name)
        self._turns = Turns(database, self._study_id)
        self._metric = config.metric.name
        self._bests = not isinstance(config.optuna.sampler, Queued)
        self._say = say
        self._end: str | None = None
        self._nudged = threading.Event()
        self._closing = threading.Event()
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="notifier", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look soon."""
        self._nudged.set()

    def close(self, *, end: str | None, hurried: Callable[[], bool]) -> None:
        """Say what is left to say."""
        self._end = end
        self._closing.set()
        self.look()
        begun = time.monotonic()
        hurried_from: float | None = None
        told = False
        while self._thread.is_alive() and time.monotonic() - begun < CLOSE_S:
            self._thread.join(POLL_S)
            if hurried():
                hurried_from = hurried_from or time.monotonic()
                if time.monotonic() - hurried_from > HURRIED_S:
                    return
            elif not told and time.monotonic() - begun > HURRIED_S:
                told = True
                self._say("the last message waits for its minute (Ctrl-C leaves it unsaid)")

    def _work(self) -> None:
        seconds = LOOK_S
        while True:
            self._nudged.wait(seconds)
            self._nudged.clear()
            closing = self._closing.is_set()
            look = self._look()
            if closing and look.is_done:
                return
            seconds = look.seconds

    def _look(self) -> _Look:
        try:
            return self._tell()
        except NotSent as error:
            self._warn(f"{error}; what there is to say is kept, and tried again each minute")
        except Exception:  # a message is decoration: its failure must not end the thread
            log.debug("no look at what there is to tell", exc_info=True)
        return _Look(EVERY_S, is_done=True)

    def _tell(self) -> _Look:
        seen = self._turns.told()
        news = self._news(seen)
        if news is None:
            return _Look(LOOK_S, is_done=True)
        begun = time.monotonic()
        turn = self._turns.take(seen)
        if isinstance(turn, NotYet):
            return _Look(turn.seconds, is_done=False)
        try:
            within_s = SENDING_S - (time.monotonic() - begun)
            post(self._webhook, self._message(news), within_s=within_s)
        except NotSent:
            self._turns.end(turn, None)
            raise
        self._turns.end(turn, news.told.as_mapping())
        return _Look(0.0, is_done=False)  # something may have come meanwhile

    def _news(self, seen: Mapping[str, object] | None) -> News | None:
        trials = self._database.storage.get_all_trials(self._study_id, deepcopy=False)
        told = Told.read(seen)
        return find_news(
            trials, told, self._own, metric=self._metric, end=self._end, bests=self._bests
        )

    def _message(self, news: News) -> Message:
        head, *more = news.lines
        text = f"{self._name}: {head}"
        if more:
            text = "\n- ".join([f"{self._name}:", head, *more])
        return Message(self._name, hide(text), news.data)

    def _warn(self, reason: str) -> None:
        """Say it once: a receiver that is dead is so for hours."""
        if not self._warned:
            log.warning("no message could be sent to the webhook: %s", hide(reason))
        self._warned = True


def open_notifier(
    database: Database,
    name: str,
    config: Configuration,
    environ: Mapping[str, str],
    *,
    say: Callable[[str], None],
) -> Notifier:
    """The notifier for the webhook that the environment names; one that is silent without it."""
    webhook = webhook_of(environ)
    if webhook is None:
        return Notifier()
    return WebhookNotifier(webhook, database, name, config=config, say=say)
