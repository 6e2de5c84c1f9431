"""What the mirror is told of a trial: plain facts, from a live trial or from the database.

A curve point is the mapping that `Evaluation.as_mapping` gives, so that what is
shown while a trial runs and what is shown later from the database is the same.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.pinned import LOCAL_FIELDS

Point = Mapping[str, float]
"""step (1-based), epoch, the four scores, train_loss, eval_loss, learning_rate, seconds."""

SCORES = ("rouge1", "rouge2", "rougeL", "rouge_combined_f1")


@dataclass(frozen=True)
class TrialInfo:
    """A trial as it starts: `settings` is its whole configuration by section, as `shareable`.

    `params` are those of the settings that the search chose, `metric` is the score that it
    maximizes. `continued` says that another worker began the trial.
    """

    study: str
    number: int
    run_id: str
    name: str
    settings: Mapping[str, object]
    params: Mapping[str, object]
    metric: str
    continued: bool = False


@dataclass(frozen=True)
class Ending:
    """How a trial ended: `reason` says why, in words.

    `state` is complete, pruned, infeasible or failed.
    """

    state: str
    value: float | None = None
    reason: str | None = None
    seconds: float | None = None


def shareable(settings: Mapping[str, object]) -> dict[str, object]:
    """The settings without what belongs to a machine, such as where its files are."""
    shared = {section: values for section, values in settings.items() if values is not None}
    general = shared.get("general")
    if isinstance(general, Mapping):
        shared["general"] = {k: v for k, v in general.items() if k not in LOCAL_FIELDS}
    return shared


def summary(curve: Sequence[Point], ending: Ending, metric: str) -> dict[str, object]:
    """What a run's summary says beside the last point of its curve."""
    best = best_point(curve, metric)
    facts = {
        "state": ending.state,
        "reason": ending.reason,
        "duration_s": ending.seconds,
        "value": ending.value,
        "best/value": None if best is None else best[metric],
        "best/epoch": None if best is None else best["epoch"],
        "evaluations": len(curve),
    }
    return {key: value for key, value in facts.items() if value is not None}


def best_point(curve: Sequence[Point], metric: str) -> Point | None:
    """The point with the highest score, the earliest of equals; None where no score is a number."""
    scored = [point for point in curve if not math.isnan(point.get(metric, math.nan))]
    return max(scored, key=lambda point: (point[metric], -point["step"]), default=None)
