"""Follows one trial after another and keeps a W&B run open for the one that runs.

Runs in the mirror's thread; everything here may raise or block. It remembers what it was told of
the trial, so that a run which could not be opened at first is opened later and lacks nothing.
"""

import logging
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpo.trial_info import Ending, Point, TrialInfo
from hpo.wandb_mode import Wire

ONLINE_AGAIN_S = 300
"""While W&B can't be reached, runs are written offline for this long before it is tried again."""

log = logging.getLogger(__name__)


class GivenUp(Exception):
    """No run is opened any more."""


class Run(Protocol):
    """An open run of one trial."""

    def log(self, point: Point) -> None:
        """Add one evaluation to the curve."""

    def finish(self, ending: Ending) -> None:
        """Write the summary and close the run; TimeoutError where it can't be sent."""

    def release(self) -> None:
        """Close the run for another worker to go on with."""


OpenRun = Callable[[TrialInfo, Wire, Sequence[Point]], Run]


@dataclass
class _Followed:
    trial: TrialInfo
    curve: list[Point]
    run: Run | None = None

    def knows(self, point: Point) -> bool:
        return any(known["step"] >= point["step"] for known in self.curve)


class Follower:
    """Writes each trial through `open_run`: online where that works, else offline."""

    def __init__(self, open_run: OpenRun, wire: Wire) -> None:
        self._open_run = open_run
        self._wire = wire
        self._online_at = 0.0
        self._followed: _Followed | None = None
        self._given_up = threading.Event()

    def give_up(self) -> None:
        """Open no run from now on; another thread may say so while one is being opened."""
        self._given_up.set()

    def has_given_up(self) -> bool:
        """Whether it was told so: then what it is about is being cut short."""
        return self._given_up.is_set()

    def start(self, trial: TrialInfo, earlier: Sequence[Point]) -> None:
        """Follow a new trial; one that was not ended is left to another worker."""
        try:
            self.release()
        finally:
            self._followed = _Followed(trial, list(earlier))
        self._open(self._followed)

    def evaluation(self, point: Point) -> None:
        """Add an evaluation, opening the run now if that failed before.

        Nothing is lost where wandb's process is gone: with the next evaluation, or the end, the run
        is opened anew and gets the whole curve.
        """
        followed = self._followed
        if followed is None or followed.knows(point):
            return
        followed.curve.append(point)
        if followed.run is None:
            self._open(followed)
            return
        try:
            followed.run.log(point)
        except Exception:  # whatever lasts is raised when the run is opened anew
            log.debug("the run of %s is to be opened anew", followed.trial.run_id, exc_info=True)
            followed.run = None

    def finish(self, ending: Ending) -> None:
        """End the trial's run."""
        followed, self._followed = self._followed, None
        if followed is None:
            return
        run = followed.run or self._open(followed)
        try:
            run.finish(ending)
        except TimeoutError:
            self._go_offline()
            raise

    def release(self) -> None:
        """Leave the trial's run, if there is one, for another worker.

        Nothing is lost where that fails: whoever goes on with the trial writes what its run lacks.
        """
        followed, self._followed = self._followed, None
        if followed is None or followed.run is None:
            return
        try:
            followed.run.release()
        except Exception:  # SLURM and systemd ask wandb's process to stop as well
            log.debug("the run of %s is left as it is", followed.trial.run_id, exc_info=True)

    def _open(self, followed: _Followed) -> Run:
        curve = tuple(followed.curve)
        self._check()
        if self._wire == "online" and time.monotonic() >= self._online_at:
            try:
                followed.run = self._open_run(followed.trial, "online", curve)
            except Exception as error:  # noqa: BLE001 - wandb raises many things without a network
                self._check()
                reason = str(error).strip().splitlines() or [type(error).__name__]
                log.warning(
                    "W&B can't be reached or refuses, trials go offline: %s; later hpo mirror"
                    " --study %s sends what is missing",
                    reason[0],
                    shlex.quote(followed.trial.study),
                )
                self._go_offline()
            else:
                return followed.run
        followed.run = self._open_run(followed.trial, "offline", curve)
        return followed.run

    def _check(self) -> None:
        if self.has_given_up():
            raise GivenUp

    def _go_offline(self) -> None:
        self._online_at = time.monotonic() + ONLINE_AGAIN_S
