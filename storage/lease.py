"""What a worker gets when it asks for a trial: a lease, a wait, or the end."""

from dataclasses import dataclass

LEASE_S = 60.0
"""How long a lease lasts unless renewed, where nobody says otherwise."""


@dataclass(frozen=True)
class Lease:
    """One taken place in the budget, held by one worker.

    `attempt` counts from 1 the workers that held it without giving it back. `trial_id` is None
    until a trial is started. `continued`: the trial was already running under another holder.
    """

    study_id: int
    slot: int
    trial_id: int | None
    worker: str
    attempt: int
    continued: bool


@dataclass(frozen=True)
class Wait:
    """Nothing to take now, but others still run: ask again after `seconds`."""

    seconds: float
    running: int


@dataclass(frozen=True)
class Spent:
    """There is nothing left to take, and nothing runs any more.

    `reason` says what closed the study before its budget was taken; None where it was taken whole.
    """

    reason: str | None = None
