"""All questions, some at a time, each until it is answered; what was answered stays on disk.

Where the endpoint says how long to wait (Retry-After), all threads do, and that is no failed
attempt. Otherwise a question is put again after growing pauses (stamina), a few times. The first
question that cannot be answered ends the run, and so does Ctrl-C: what is under way is
finished and kept, nothing new is begun, and the same command goes on from there.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import stamina

from config.counting import counted
from hpo.baseline.answers import Answers
from hpo.baseline.chat import Answer, Failing, ask
from hpo.baseline.endpoint import Endpoint
from hpo.stop import POLL_S, Stopped, StopRequest

LONGEST_WAIT_S = 600.0  # that the endpoint may ask for; more ends the run
Body = Mapping[str, Any]

_AGAIN = stamina.RetryingCaller(
    attempts=6, timeout=None, wait_initial=0.5, wait_max=8.0, wait_jitter=0.5
)


@dataclass
class Gate:
    """Lets questions through, none before the time that the endpoint has asked for."""

    stop: StopRequest
    failed: bool = False
    _opens: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_shut(self) -> bool:
        """Whether nothing new is to be begun."""
        return self.failed or self.stop.is_set()

    def hold(self, seconds: float) -> None:
        """Let nothing through for so long."""
        with self._lock:
            self._opens = max(self._opens, time.monotonic() + seconds)

    def enter(self) -> None:
        """Wait until it opens; raises Stopped once nothing is to be begun."""
        while True:
            if self.is_shut:
                raise Stopped
            left = self._opens - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, POLL_S))


@dataclass(frozen=True)
class Asking:
    """How questions are put: at most `concurrency` at a time, each with its own timeout."""

    endpoint: Endpoint
    answers: Answers
    concurrency: int
    timeout_s: float

    def ask_all(
        self, bodies: Sequence[Body], *, stop: StopRequest, say: Callable[[str], None]
    ) -> list[Answer]:
        """Return the answer to each question; what is known, or comes twice, is not asked again.

        Raises Refused or Failing for the first one that cannot be had, and Stopped.
        """
        wanted = {self.answers.key(self.endpoint.url, body): body for body in bodies}
        known = {key: found for key in wanted if (found := self.answers.find(key)) is not None}
        new = [key for key in wanted if key not in known]
        say(f"{counted(len(wanted), 'question')}, {len(known)} answered before, {len(new)} to ask")
        gate = Gate(stop)
        with ThreadPoolExecutor(max_workers=self.concurrency) as pool:
            asked = {pool.submit(self._answered, key, wanted[key], gate): key for key in new}
            try:
                self._collect(asked, known, say)
            except Failing:
                if stop.is_set():  # what was under way did not come: no failure of the endpoint's
                    raise Stopped from None
                raise
            finally:
                gate.failed = True  # whatever ends it, also here: nothing new is begun
        return [known[self.answers.key(self.endpoint.url, body)] for body in bodies]

    def _collect(
        self,
        asked: Mapping[Future[Answer], str],
        known: dict[str, Answer],
        say: Callable[[str], None],
    ) -> None:
        every = max(1, len(asked) // 10)
        for count, future in enumerate(as_completed(asked), start=1):
            known[asked[future]] = _result(future, asked)
            if count % every == 0 and count < len(asked):
                say(f"{count} of {len(asked)} answered")

    def _answered(self, key: str, body: Body, gate: Gate) -> Answer:
        try:
            answer = _AGAIN(lambda error: _passes(error, gate), self._once, body, gate)
            self.answers.keep(key, answer)
        except BaseException:  # here, before this thread takes the next question
            gate.failed = True
            raise
        return answer

    def _once(self, body: Body, gate: Gate) -> Answer:
        """Ask, as often as the endpoint wants to be asked later."""
        waited = 0.0
        while True:
            gate.enter()
            try:
                return ask(self.endpoint, body, timeout_s=self.timeout_s)
            except Failing as error:
                if error.wait_s is None:
                    raise
                waited += max(error.wait_s, POLL_S)
                if waited > LONGEST_WAIT_S:
                    raise TooLong(error) from error
                gate.hold(error.wait_s)


class TooLong(Failing):
    """The endpoint wants to be left alone for longer than a command waits."""

    def __init__(self, error: Failing) -> None:
        super().__init__(f"{error}; it asks to wait {error.wait_s:.0f} s: run this again later")


def _passes(error: Exception, gate: Gate) -> bool:
    return isinstance(error, Failing) and not isinstance(error, TooLong) and not gate.is_shut


def _result(future: Future[Answer], all_asked: Iterable[Future[Answer]]) -> Answer:
    """Return a question's answer; where one has failed that failure is raised, not its sequels."""
    if not isinstance(future.exception(), Stopped):
        return future.result()
    for other in all_asked:
        if not isinstance(other.exception(), Stopped):
            other.result()
    raise Stopped
