"""Calls to the database, made again while it is away, restarting, read-only, full or locked.

Who calls answers for what a repeat does: a call whose answer was lost may have taken effect.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import optuna
import sqlalchemy as sa
import stamina
import stamina.instrumentation

from storage.errors import (
    Busy,
    NoDatabase,
    NotAllowed,
    ReadOnly,
    ServerFailed,
    StorageError,
    Unreachable,
    WrongPassword,
)
from storage.failures import translated
from storage.patience import Patience
from storage.url import StorageURL

LOCKED_S = 60.0  # everybody waits that long for a lock, commands too
FALSE_ANSWER_S = 60.0
QUIET_S = 1.0  # an outage that is over sooner is not worth a line
_STILL_DOWN_S = 5.0

_BACKOFF = stamina.RetryingCaller(
    attempts=None,  # time decides
    timeout=None,
    wait_initial=0.05,
    wait_max=1.0,
    wait_jitter=0.1,
)
_DATABASE_ERRORS = (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError)

# stamina would write a line for each repeat; ours are one at the beginning and one at the end.
stamina.instrumentation.set_on_retry_hooks(())

log = logging.getLogger(__name__)
T = TypeVar("T")


class Outage:
    """Whether the database is away, as all threads of the process saw it; says so in two lines."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began: float | None = None
        self._failed_at = 0.0
        self._said = False
        self._locked = False  # others held a lock, and that is all there was
        self._last = (0.0, -math.inf)  # of the one before: how long it was, and when it ended

    @property
    def lasts_s(self) -> float | None:
        """Seconds since it began; None while the database answers."""
        began = self._began
        return None if began is None else time.monotonic() - began

    def was_away(self, *, longer_than_s: float, within_s: float) -> bool:
        """Say whether one that is longer than `longer_than_s` lasts, or ended within `within_s`."""
        now, began = time.monotonic(), self._began
        if began is not None:
            return now - began > longer_than_s
        length, ended = self._last
        return length > longer_than_s and now - ended < within_s

    def is_fresh(self) -> bool:
        """Say whether a call failed only just now and none has succeeded since."""
        return self._began is not None and time.monotonic() - self._failed_at < _STILL_DOWN_S

    def failed(self, error: StorageError, *, patience_s: float) -> None:
        """Take note of a failed call that will be made again."""
        with self._lock:
            self._failed_at = time.monotonic()
            self._locked = isinstance(error, Busy) and (self._locked or self._began is None)
            if self._began is None:
                self._began = self._failed_at
            elif not self._said and self._failed_at - self._began >= QUIET_S:
                self._said = True
                log.warning("%s; asking again for up to %.0f s", error, patience_s)

    def answered(self) -> None:
        """Take note of a call that succeeded."""
        if self._began is None:
            return
        with self._lock:
            if self._began is not None:
                length = time.monotonic() - self._began
                self._last = length, time.monotonic()
                if self._said:
                    over = "that wait is over" if self._locked else "the database answers again"
                    log.warning("%s, after %.0f s", over, length)
            self._began, self._said = None, False


class Retry:
    """Makes calls to one database, each again until it succeeds or patience ends."""

    def __init__(self, url: StorageURL, patience: Patience) -> None:
        self._url = url
        self._patience = patience
        self._outage = Outage()

    def was_away(self, *, longer_than_s: float, within_s: float) -> bool:
        """See Outage."""
        return self._outage.was_away(longer_than_s=longer_than_s, within_s=within_s)

    def __call__(self, step: Callable[[], T], *, locked_s: float | None = None) -> T:
        """Run `step` until it succeeds; raises its last error as a StorageError.

        `locked_s` is how long a lock that others hold is waited for; None: as long as anybody.
        """
        if locked_s is None:
            locked_s = max(LOCKED_S, self._patience.outage_s)
        call = _Call(self._patience, self._outage, locked_s=locked_s)

        def attempt() -> T:
            with translated(self._url):
                call.check()
                result = step()
            self._outage.answered()
            return result

        return _BACKOFF(call.goes_on, attempt)


class _Call:
    """One call and its failures so far."""

    def __init__(self, patience: Patience, outage: Outage, *, locked_s: float) -> None:
        self._patience = patience
        self._outage = outage
        self._locked_s = locked_s
        self._first: float | None = None

    def check(self) -> None:
        """Do not even ask when the process is leaving and the database has just not answered."""
        if self._outage.is_fresh() and self._patience.give_up():
            raise Unreachable("the database does not answer, and this process was asked to stop")

    def goes_on(self, error: Exception) -> bool:
        """Say whether the call is made again after this error."""
        limit = self._limit(error)
        if limit is None or not isinstance(error, StorageError):
            return False
        if self._first is None:
            self._first = time.monotonic()
        if self._patience.give_up() or time.monotonic() - self._first >= limit:
            return False
        self._outage.failed(error, patience_s=limit)
        return True

    def _limit(self, error: Exception) -> float | None:
        """Give the seconds that an error of this kind may last; None when asking helps nothing."""
        if isinstance(error, Busy):
            return self._locked_s
        if isinstance(error, Unreachable | ReadOnly | ServerFailed):
            return self._patience.outage_s
        lasts_s = self._outage.lasts_s
        # A pooler before a restarting server, or the server itself, may refuse those it will let
        # in again a moment later. Our own errors of these kinds have no cause.
        refused = isinstance(error, WrongPassword | NoDatabase | NotAllowed)
        if refused and isinstance(error.__cause__, _DATABASE_ERRORS) and lasts_s is not None:
            return min(FALSE_ANSWER_S, self._patience.outage_s)
        return None
