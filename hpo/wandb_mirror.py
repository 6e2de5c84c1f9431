"""Trials mirrored to W&B from a thread of its own: no trial waits for it or fails with it.

The database is the only truth; what W&B misses can be written again from there. So telling the
mirror something returns at once, an error is logged (the first with its traceback, the others
counted), and a worker's end waits a bounded time for what is still to be sent.
"""

import importlib.util
import logging
import queue
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.counting import counted
from config.schema import Configuration
from hpo.trial_info import Ending, Point, TrialInfo
from hpo.turnover import Turnover
from hpo.wandb_follower import Follower, GivenUp, OpenRun, Run
from hpo.wandb_mode import Mode, Wire, resolve_mode

QUEUE_EVENTS = 1000
CLOSE_TIMEOUT_S = 30.0
HURRIED_S = 3.0
"""Time to close of a worker that was asked to stop; it has 10 seconds for everything."""
SHUT_DOWN_S = 1.0
"""Of the time to close, what is kept for ending wandb's service."""
POLL_S = 0.1

log = logging.getLogger(__name__)

Event = Callable[[Follower], None]


class Mirror:
    """What a worker tells of its trials, one trial at a time. This one passes nothing on.

    No method raises, and none but `close` blocks. A step that was told before may be told again:
    a run has every step once. `mode` says which way trials are to go.
    """

    mode: Mode = "disabled"

    def start(self, trial: TrialInfo, earlier: Sequence[Point] = ()) -> None:
        """Begin a trial; `earlier` is its curve so far where another worker began it."""
        curve = tuple(earlier)
        self._tell(lambda follower: follower.start(trial, curve))

    def evaluation(self, point: Point) -> None:
        """Add an evaluation to the trial's curve."""
        self._tell(lambda follower: follower.evaluation(point))

    def finish(self, ending: Ending) -> None:
        """End the trial."""
        self._tell(lambda follower: follower.finish(ending))

    def release(self) -> None:
        """Leave the trial unfinished: another worker goes on with it."""
        self._tell(lambda follower: follower.release())

    def close(
        self, timeout_s: float = CLOSE_TIMEOUT_S, *, hurried: Callable[[], bool] = lambda: False
    ) -> None:
        """Send what is left, for `timeout_s` seconds at most. Nothing is told after it.

        As soon as `hurried` says so, no more than HURRIED_S seconds are left.
        """

    def _tell(self, event: Event) -> None:
        """Pass an event on; must not block or raise."""


class WandbMirror(Mirror):
    """Passes a worker's trials on to W&B through a bounded queue and a daemon thread.

    Between two turnovers, that is: to end a run takes the interpreter from the trial that begins.
    `shut_down` ends what wandb has running, within the seconds it is given.
    """

    def __init__(
        self,
        open_run: OpenRun,
        wire: Wire,
        *,
        turnover: Turnover | None = None,
        shut_down: Callable[[float], None] | None = None,
        queue_events: int = QUEUE_EVENTS,
    ) -> None:
        self.mode = wire
        self._follower = Follower(open_run, wire)
        self._turnover = turnover or Turnover()
        self._shut_down = shut_down
        self._events: queue.Queue[Event | None] = queue.Queue(queue_events)
        self._closing = threading.Event()
        self._study = "NAME"
        self._lost = False  # whether the trial under way has lost something
        self._errors = 0
        self._dropped = 0
        self._thread = threading.Thread(target=self._work, name="wandb-mirror", daemon=True)
        self._thread.start()

    def start(self, trial: TrialInfo, earlier: Sequence[Point] = ()) -> None:
        """Begin a trial, and remember its study for what people are told."""
        self._study = trial.study
        self._lost = False
        super().start(trial, earlier)

    def close(
        self, timeout_s: float = CLOSE_TIMEOUT_S, *, hurried: Callable[[], bool] = lambda: False
    ) -> None:
        """End the thread and wandb's own process; what is not sent by then is left unsent."""
        self._closing.set()
        self._put(None)
        self._turnover.end()
        deadline = self._wait_for_thread(time.monotonic() + timeout_s, hurried)
        if self._thread.is_alive():
            self._follower.give_up()
            log.warning("W&B: not all was sent in time; %s", self._make_up_for())
        if self._shut_down is not None:
            self._shut_down(max(SHUT_DOWN_S, deadline - time.monotonic()))
        if self._errors > 1 or self._dropped:
            lost = counted(self._dropped, "lost update")
            errors = counted(self._errors, "error")
            log.warning("W&B: %s and %s; %s", errors, lost, self._make_up_for())

    def _wait_for_thread(self, deadline: float, hurried: Callable[[], bool]) -> float:
        """Let it send until the deadline; the deadline, which a hurry brings closer."""
        in_a_hurry = False
        while self._thread.is_alive() and time.monotonic() < deadline - SHUT_DOWN_S:
            self._thread.join(POLL_S)
            if not in_a_hurry and hurried():
                in_a_hurry = True
                deadline = min(deadline, time.monotonic() + HURRIED_S)
        return deadline

    def _tell(self, event: Event) -> None:
        # After a lost evaluation the rest of its trial would only leave a gap that W&B never fills.
        if self._lost:
            self._dropped += 1
        else:
            self._put(event)

    def _put(self, event: Event | None) -> None:
        try:
            self._events.put_nowait(event)
        except queue.Full:
            if event is not None:
                self._count_lost()

    def _count_lost(self) -> None:
        self._dropped += 1
        self._lost = True
        if self._dropped == 1:
            log.warning(
                "W&B is slow and misses updates; the search is not affected; %s",
                self._make_up_for(),
            )

    def _make_up_for(self) -> str:
        return f"hpo mirror --study {shlex.quote(self._study)} sends what is missing"

    def _work(self) -> None:
        while (event := self._next()) is not None:
            self._turnover.wait()
            self._try(event)
        self._try(Follower.release)

    def _next(self) -> Event | None:
        """The next event; None when closing and there is no more."""
        if self._closing.is_set() and self._events.empty():
            return None
        return self._events.get()

    def _try(self, event: Event) -> None:
        try:
            event(self._follower)
        except GivenUp:
            return
        except Exception:  # W&B is outside the trial, and nothing there can fail it
            if self._follower.has_given_up():  # wandb was ended under it, and that is said
                return
            self._errors += 1
            if self._errors == 1:
                log.warning("W&B failed; the search goes on without it", exc_info=True)


def open_mirror(
    config: Configuration,
    folder: Path,
    environ: Mapping[str, str],
    turnover: Turnover | None = None,
) -> Mirror:
    """The mirror that a worker with this configuration uses; wandb's files go to `folder`/wandb."""
    mode = resolve_mode(config.wandb.mode, environ)
    if mode == "disabled":
        return Mirror()
    if importlib.util.find_spec("wandb") is None:
        log.warning("W&B can't be used, it is not installed; the search goes on without it")
        return Mirror()

    def opened(trial: TrialInfo, wire: Wire, earlier: Sequence[Point]) -> Run:
        # Imported in the mirror's thread: it takes a quarter of a worker's start, and a W&B that
        # is broken must not stop the worker.
        from hpo.wandb_run import Target, open_run  # noqa: PLC0415

        return open_run(Target.of(config, folder), trial, wire=wire, earlier=earlier)

    return WandbMirror(opened, mode, turnover=turnover, shut_down=_shut_down)


def _shut_down(timeout_s: float) -> None:
    """End wandb's service, where wandb was imported."""
    shut_down = getattr(sys.modules.get("hpo.wandb_run"), "shut_down", None)
    if shut_down is not None:
        shut_down(timeout_s)
