"""What W&B, or a file for it, holds of a trial's run, and whether that is all of it.

W&B takes evaluations in their order only. So a run lacks what comes after its last evaluation, and
its ending; an evaluation before that which got lost stays lost there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.mirrored import Mirrored
from hpo.trial_info import summary

FINISHED = ("finished", "failed")
OPEN = "running"


@dataclass(frozen=True)
class Held:
    """A run as it stands; `rows` is the length of its curve, None where the server doesn't say.

    `state` is W&B's word: running, finished, failed, crashed, preempted, …  `last_step` is that of
    its last evaluation, 0 before the first.
    """

    state: str
    rows: int | None
    last_step: float
    summary: Mapping[str, object]


def is_whole(trial: Mirrored, held: Held) -> bool:
    """Whether the run lacks nothing of what the database has and W&B would take."""
    if held.last_step < (trial.curve[-1]["step"] if trial.curve else 0):
        return False
    if trial.ending is None:
        return True
    expected = summary(trial.curve, trial.ending, trial.info.metric)
    return held.state in FINISHED and all(
        _same(held.summary.get(key), value) for key, value in expected.items()
    )


def has_gap(trial: Mirrored, held: Held) -> bool:
    """Whether an evaluation before the last one that it holds is missing."""
    sent = sum(point["step"] <= held.last_step for point in trial.curve)
    return held.rows is not None and held.rows < sent


def step_in(summary: Mapping[str, object]) -> float:
    """The step of the last evaluation, as wandb notes it in the summary."""
    step = summary.get("_step", 0)
    return float(step) if isinstance(step, int | float) else 0.0


def _same(held: object, expected: object) -> bool:
    if isinstance(held, int | float) and isinstance(expected, int | float):
        return math.isclose(held, expected, rel_tol=1e-9)
    if isinstance(expected, float) and not math.isfinite(expected):
        return True  # W&B has words of its own for these
    return held == expected
