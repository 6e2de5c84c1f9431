"""Failed trials' parameters in the queue again, each as a new trial that says whose retry it is.

Optuna allows no change to a finished trial. The look for an earlier retry and the new trial are
one transaction under the study's lock, so two people who retry at once queue one trial.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from optuna.trial import TrialState

from storage import lease_rows
from storage.connect import Database
from storage.errors import AlreadyQueued
from storage.tables import TRIALS, USER_ATTRIBUTES

RETRY_OF = "hpo:retry_of"  # user attribute with the number of the trial that is tried again
_UNDER_WAY = (TrialState.WAITING, TrialState.RUNNING)


@dataclass(frozen=True)
class Retry:
    """A trial that tries the parameters of the trial numbered `of` again."""

    number: int
    of: int
    state: TrialState


def queue_again(
    database: Database,
    study_id: int,
    params: Mapping[int, Mapping[str, object]],
    *,
    again: bool = False,
) -> dict[int, int]:
    """Queue the parameters of each numbered trial, all or none; the new trials' numbers by theirs.

    Raises AlreadyQueued where a retry waits or runs, also one of a retry, unless `again`.
    """
    known: list[set[int]] = []

    def queue(connection: sa.Connection) -> dict[int, int]:
        database.lock_study(connection, study_id)
        retries = _retries(connection, study_id)
        if known:
            # Asked again after a lost answer: what is new may be the first asking's own work.
            ours = {retry.of: retry.number for retry in retries if retry.number not in known[0]}
            if params.keys() <= ours.keys():
                return {number: ours[number] for number in params}
        known.append({retry.number for retry in retries})
        if not again:
            _refuse_doubles(params, retries)
        return {number: _queue(connection, study_id, number, params[number]) for number in params}

    return database.transaction(queue)


def count_retries(connection: sa.Connection, study_id: int) -> int:
    """Count the study's trials that try another's parameters again, in any state."""
    return len(_retries(connection, study_id))


def _queue(
    connection: sa.Connection, study_id: int, number: int, params: Mapping[str, object]
) -> int:
    trial_id = lease_rows.enqueue_trial(connection, study_id, params, {RETRY_OF: number})
    query = sa.select(TRIALS.c.number).where(TRIALS.c.trial_id == trial_id)
    return int(connection.execute(query).scalar_one())


def _refuse_doubles(numbers: Mapping[int, object], retries: Sequence[Retry]) -> None:
    for number in numbers:
        for retry in _descendants(number, retries):
            if retry.state in _UNDER_WAY:
                doing = "waits in the queue" if retry.state == TrialState.WAITING else "runs"
                raise AlreadyQueued(
                    f"trial {number} is tried again already: trial {retry.number} {doing}; "
                    "--again queues it once more"
                )


def _descendants(number: int, retries: Sequence[Retry]) -> list[Retry]:
    """The trial's retries, their retries, and so on; a retry has a higher number than its trial."""
    family, found = {number}, []
    for retry in retries:
        if retry.of in family:
            family.add(retry.number)
            found.append(retry)
    return found


def _retries(connection: sa.Connection, study_id: int) -> list[Retry]:
    """All retries of the study by number."""
    query = (
        sa.select(TRIALS.c.number, TRIALS.c.state, USER_ATTRIBUTES.c.value_json)
        .join(USER_ATTRIBUTES, USER_ATTRIBUTES.c.trial_id == TRIALS.c.trial_id)
        .where(TRIALS.c.study_id == study_id, USER_ATTRIBUTES.c.key == RETRY_OF)
        .order_by(TRIALS.c.number)
    )
    # Written by anybody who may write here: what is no number is nobody's retry.
    return [
        Retry(row.number, int(row.value_json), row.state)
        for row in connection.execute(query)
        if row.value_json.isascii() and row.value_json.isdigit()
    ]
