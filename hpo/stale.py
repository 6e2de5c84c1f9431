"""Running trials that nobody works on: why each is one, and what becomes of it.

A lease that ran out is taken over by the next worker. A trial without a lease belongs to another
program (Optuna's own workers, an older version) that may live, so nothing touches it but
`hpo reap`, which a person runs.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.durations import duration
from storage.connect import Database
from storage.stale import RunOut, StaleTrials, Unheld

SILENT_S = 600.0
"""Seconds without Optuna's heartbeat after which a trial that has had one is given up."""
STARTED_S = 24 * 3600.0
"""Seconds since its start after which a trial without heartbeat is given up."""

NOT_COUNTED = "trials without a lease are other programs' and do not count to the budget"


@dataclass(frozen=True)
class Stale:
    """A running trial that no worker of ours holds: why that is, and what becomes of it, in words.

    `foreign`: it has no lease. `silent_s` is after how many seconds of silence it is failed and
    `dead` whether those are over; a trial that is not foreign is never failed here.
    """

    number: int
    why: str
    then: str
    foreign: bool = False
    dead: bool = False
    silent_s: float = 0.0

    @property
    def reason(self) -> str:
        """What is kept with the trial when it is failed."""
        return f"{self.why}; given up by hpo reap"

    def as_json(self) -> dict[str, object]:
        """The stable JSON form."""
        return {"trial": self.number, "why": self.why, "then": self.then}

    def __str__(self) -> str:
        return f"trial {self.number}: {self.why}; {self.then}"


def find_stale(
    database: Database, study_id: int, *, max_attempts: int, older_than: float | None = None
) -> tuple[Stale, ...]:
    """List a study's running trials that no worker of ours holds.

    `older_than` None takes SILENT_S for those with a heartbeat and STARTED_S for the others.
    """
    rows = StaleTrials(database, study_id).rows()
    return tuple(
        _foreign(row, older_than) if row.lease is None else _ours(row, row.lease, max_attempts)
        for row in rows
    )


def reap(database: Database, study_id: int, dead: Sequence[Stale]) -> list[Stale]:
    """Fail the dead trials; those that were, without what has shown life meanwhile."""
    trials = StaleTrials(database, study_id)
    return [
        trial
        for trial in dead
        if trials.fail(trial.number, reason=trial.reason, silent_s=trial.silent_s)
    ]


def announcement(database: Database, name: str) -> str | None:
    """What a worker says of other programs' running trials; None where there is none."""
    found = StaleTrials(database, database.storage.get_study_id_from_name(name)).unleased()
    if not found:
        return None
    trials, them = ("1 running trial", "it") if found == 1 else (f"{found} running trials", "them")
    return (
        f"{trials} without a lease, of another program that lives or died:"
        f" hpo reap --study {shlex.quote(name)} settles {them}; the search goes on without"
    )


def _ours(row: Unheld, lease: RunOut, max_attempts: int) -> Stale:
    if lease.given_back:
        return Stale(row.number, "given back by its worker", "the next worker continues it")
    ago = "" if lease.ago_s is None else f", its lease ran out {duration(lease.ago_s)} ago"
    why = f"its worker is gone{ago}"
    if lease.attempt >= max_attempts:
        lost = "once" if lease.attempt == 1 else f"{lease.attempt} times"
        return Stale(row.number, f"{why}, {lost} by now", "the next worker fails it")
    return Stale(row.number, why, "the next worker continues it")


def _foreign(row: Unheld, older_than: float | None) -> Stale:
    limit = older_than
    if limit is None:
        limit = SILENT_S if row.beats else STARTED_S
    since = "last heartbeat" if row.beats else "no heartbeat, started"
    why = f"no lease, {since} {duration(row.silent_s)} ago"
    dead = row.silent_s >= limit
    then = "hpo reap fails it" if dead else f"left alone until that is {duration(limit)}"
    return Stale(row.number, why, then, foreign=True, dead=dead, silent_s=limit)
