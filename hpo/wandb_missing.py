"""What W&B lacks of a study, written to it from the database alone.

Every trial is looked up first, and only what is not there is written, under the id that a worker
uses. So it may be done at any time, any number of times, and be cut off anywhere.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import filelock
from optuna.trial import TrialState

from hpo import study as studies
from hpo.errors import HpoError
from hpo.mirrored import Mirrored, mirrored
from hpo.wandb_files import offline_files, read_held
from hpo.wandb_held import OPEN, Held, has_gap, is_whole
from hpo.wandb_mode import Wire
from hpo.wandb_remote import first_line, open_remote
from hpo.wandb_run import Target, open_run, shut_down
from storage.connect import Database
from storage.leases import Leases
from storage.workers import Workers

FAILURES_IN_A_ROW = 3
"""Runs that could not be written one after the other, after which the rest is not tried."""
END_TIMEOUT_S = 5.0
LOCK_FILE = "hpo-mirror.lock"

log = logging.getLogger(__name__)


@dataclass
class Result:
    """What became of each trial, by its number; `left` are those that a worker writes now."""

    written: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    untried: int = 0

    def __str__(self) -> str:
        """All of it in one line."""
        counts = [f"{len(self.written)} written", f"{len(self.whole)} complete already"]
        if self.left:
            counts.append(f"{len(self.left)} left to the workers that write them now")
        if self.gaps:
            numbers = ", ".join(map(str, self.gaps))
            counts.append(f"W&B lacks evaluations of trial {numbers} that it takes no more")
        if self.failed:
            number, reason = next(iter(self.failed.items()))
            counts.append(f"{len(self.failed)} failed (trial {number}: {reason})")
        if self.untried:
            counts.append(f"{self.untried} not tried")
        return ", ".join(counts)


@dataclass(frozen=True)
class Shelf:
    """Where runs are looked up and written; `held` gives all that is there of a run."""

    held: Callable[[str], Iterable[Held]]
    write: Callable[[Mirrored], None]


@contextlib.contextmanager
def open_shelf(target: Target, wire: Wire) -> Iterator[Shelf]:
    """W&B's server, or the files for it in the target's folder.

    Raises WandbRefuses when W&B lets nobody in, and HpoError when another process is at it here.
    """
    with _alone(target.folder):
        try:
            yield Shelf(_look_up(target, wire), _writer(target, wire))
        finally:
            shut_down(END_TIMEOUT_S)


def write_missing(
    database: Database,
    name: str,
    shelf: Shelf,
    *,
    numbers: frozenset[int] | None = None,
    running: bool = False,
) -> Result:
    """Write what is missing of the study's trials, or of those with these numbers.

    Trials that a live worker writes at this moment are left alone unless `running`. Raises
    HpoError where a number is none of the study's.
    """
    pinned = studies.read(database, name)
    ids = begun_trials(database, name, numbers)
    hands = _Hands(database, name)
    result, in_a_row = Result(), 0
    for place, trial_id in enumerate(ids):
        trial = database.storage.get_trial(trial_id)  # as it is now, not as the first began
        try:
            wanted = mirrored(name, pinned, trial)
            found = list(shelf.held(wanted.info.run_id))
            if any(is_whole(wanted, held) for held in found):
                result.whole.append(trial.number)
            elif not running and hands.on(trial_id, found):
                result.left.append(trial.number)
            else:
                shelf.write(wanted)
                result.written.append(trial.number)
            if found and all(has_gap(wanted, held) for held in found):
                result.gaps.append(trial.number)
            in_a_row = 0
        except Exception as error:  # one trial's files must not keep the others from W&B
            log.debug("trial %d could not be mirrored", trial.number, exc_info=True)
            result.failed[trial.number] = first_line(error)
            in_a_row += 1
        if in_a_row == FAILURES_IN_A_ROW:
            result.untried = len(ids) - place - 1
            break
    return result


class _Hands:
    """Which trials live workers have in their hands."""

    def __init__(self, database: Database, name: str) -> None:
        study_id = database.storage.get_study_id_from_name(name)
        self._leases = Leases(database, study_id)
        self._workers = Workers(database, study_id)

    def on(self, trial_id: int, found: Iterable[Held]) -> bool:
        """Whether a worker trains the trial, or has ended it and still sends its run."""
        rows = [row for row in self._leases.rows() if row.trial_id == trial_id]
        if any(not row.done and row.expires_in > 0 for row in rows):
            return True
        if not any(held.state == OPEN for held in found):
            return False
        alive = {row.worker for row in self._workers.rows() if row.state == "working"}
        return any(row.worker in alive for row in rows)


def begun_trials(database: Database, name: str, numbers: frozenset[int] | None) -> list[int]:
    """The storage's ids of the trials with these numbers, or of all begun; HpoError for others."""
    study_id = database.storage.get_study_id_from_name(name)
    begun = {
        trial.number: trial._trial_id  # noqa: SLF001 - Optuna has no public way to it
        for trial in database.storage.get_all_trials(study_id, deepcopy=False)
        if trial.state is not TrialState.WAITING
    }
    unknown = (numbers or frozenset()) - begun.keys()
    if unknown:
        raise HpoError(f"study {name!r} has begun no trial {min(unknown)}; see: hpo status")
    return [begun[number] for number in sorted(begun if numbers is None else numbers)]


def _look_up(target: Target, wire: Wire) -> Callable[[str], Iterable[Held]]:
    if wire == "offline":
        return lambda run_id: map(read_held, offline_files(target.folder, run_id))
    remote = open_remote(target)
    return lambda run_id: [held for held in (remote(run_id),) if held is not None]


def _writer(target: Target, wire: Wire) -> Callable[[Mirrored], None]:
    def write(trial: Mirrored) -> None:
        run = open_run(target, trial.info, wire=wire, earlier=trial.curve)
        if trial.ending is None:
            run.release()
        else:
            run.finish(trial.ending)

    return write


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    place = folder / "wandb"
    lock = filelock.FileLock(place / LOCK_FILE, timeout=0)
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout:
        raise HpoError(f"another hpo mirror writes to {place}; wait until it has ended") from None
    except OSError as error:
        raise HpoError(f"cannot write {place}: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
