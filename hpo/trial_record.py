"""What a trial keeps in the database beside Optuna's own columns, and how it is read back.

What is short stands in user attributes, which optuna-dashboard shows on one line each; curves
and tracebacks stand in system attributes, and in the trial's note.
"""

import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from hpo.hiding import hide
from storage import lease_rows

if TYPE_CHECKING:  # `hpo status` reads records and need not wait for the trainer's imports
    from trainer.evaluation import FitResult

CURVE = "hpo:curve"
BEST_EPOCH = "hpo:best_epoch"
PRUNED = "hpo:pruned"
INFEASIBLE = "hpo:infeasible"
ERROR = lease_rows.ERROR
TRACEBACK = "hpo:traceback"
MACHINE = "hpo:machine"
CHECKPOINT = "hpo:checkpoint"
SECONDS = "hpo:seconds"
WANDB = "hpo:wandb"
"""Of the worker that ended the trial: online, offline or disabled."""

TRACEBACK_CHARACTERS = 4000


@dataclass(frozen=True)
class Best:
    """A completed trial as the search's winner; `epoch` is that of its best evaluation."""

    number: int
    value: float
    epoch: float
    params: dict[str, Any]
    machine: dict[str, Any]
    checkpoint: str


def curve(trial: FrozenTrial) -> list[dict[str, float]]:
    """The trial's evaluations so far, in order."""
    return list(trial.system_attrs.get(CURVE, []))


def keep_curve(storage: BaseStorage, trial_id: int, points: list[dict[str, float]]) -> None:
    """Keep the trial's evaluations so far."""
    storage.set_trial_system_attr(trial_id, CURVE, points)


def record_error(storage: BaseStorage, trial_id: int, error: Exception) -> str:
    """Keep an error with its trial, passwords masked; the line that people read."""
    message = hide(f"{type(error).__name__}: {error}")
    trace = hide("".join(traceback.format_exception(error)))[-TRACEBACK_CHARACTERS:]
    storage.set_trial_user_attr(trial_id, ERROR, message)
    storage.set_trial_system_attr(trial_id, TRACEBACK, trace)
    return message


def record_result(trial: Trial, result: "FitResult") -> None:
    """Keep how a trial ended and what it ran on, before Optuna closes it to changes."""
    trial.set_user_attr(BEST_EPOCH, result.best.epoch)
    trial.set_user_attr(CHECKPOINT, str(result.checkpoint or ""))
    trial.set_user_attr(SECONDS, round(result.seconds, 3))
    machine: dict[str, object] = {
        "device": result.device,
        "precision": result.precision,
        "precision_reason": result.precision_reason,
        "cpu_threads": result.threads,
        "micro_batches": [list(pair) for pair in result.micro_batches.items()],
    }
    if result.earlier:
        machine["begun_on"] = list(result.earlier)
    trial.set_user_attr(MACHINE, machine)


def is_infeasible(trial: FrozenTrial) -> bool:
    """Whether the trial's settings could not be trained: a constraint of it is violated."""
    return any(value > 0 for value in trial.constraints.values())


def seconds_of(trial: FrozenTrial) -> float | None:
    """How long the trial trained; by its beginning and end where it kept no time of its own."""
    kept = trial.user_attrs.get(SECONDS)
    if kept is not None:
        return float(kept)
    return None if trial.duration is None else trial.duration.total_seconds()


def ended_by_hpo(trial: FrozenTrial) -> bool:
    """Whether the trial has the record of a training that hpo ended, with a value or without."""
    return BEST_EPOCH in trial.user_attrs or INFEASIBLE in trial.user_attrs


def has_value(trial: FrozenTrial) -> bool:
    """Whether the trial is complete with a value, whoever told it, and violates no constraint."""
    complete = trial.state is TrialState.COMPLETE and bool(trial.values)
    return complete and not is_infeasible(trial)


def as_best(trial: FrozenTrial) -> Best:
    """A trial that can win as the one to be exported."""
    attrs = trial.user_attrs
    return Best(
        number=trial.number,
        value=float(trial.values[0]),
        epoch=float(attrs[BEST_EPOCH]),
        params=dict(trial.params),
        machine=dict(attrs.get(MACHINE, {})),
        checkpoint=str(attrs.get(CHECKPOINT, "")),
    )
