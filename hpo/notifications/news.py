"""What there is to say of a study that was not said yet, told from the database alone.

Nothing waits in a process: what was held back, or whose worker died, is found again by the next
look of any worker, as the difference between the trials and what was said last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hpo.hiding import hide
from hpo.own_trials import OwnTrials
from hpo.progress import parameters
from hpo.trial_record import ERROR, is_infeasible
from hpo.verdict import apart

STREAK = 3
"""Failed trials in a row, over all workers, that are worth a message."""
WORDS = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Told:
    """What was said last: the best trial and its value, the streak's first trial, the end.

    `ended` is the number of trials with which the study ended; an extended one may end again.
    """

    best: int | None = None
    value: float | None = None
    streak: int | None = None
    ended: int | None = None

    @classmethod
    def read(cls, kept: Mapping[str, Any] | None) -> "Told":
        """Read what the database holds; unknown parts are left out."""
        known = cls.__dataclass_fields__
        return cls(**{key: value for key, value in (kept or {}).items() if key in known})

    def as_mapping(self) -> dict[str, Any]:
        """The form that the database holds."""
        return asdict(self)


@dataclass(frozen=True)
class News:
    """What is new, as lines and as data, and what will have been told with it."""

    lines: tuple[str, ...]
    data: Mapping[str, Any]
    told: Told


def find_news(
    trials: Sequence[FrozenTrial],
    told: Told,
    own: OwnTrials,
    *,
    metric: str,
    end: str | None,
    bests: bool = True,
) -> News | None:
    """What was not told yet; None where that is nothing.

    `end` says why the study takes no more trials; None while it does. Without `bests` a new best
    is no news, as where every trial is a repeat.
    """
    parts = (
        _best(trials, told, own, metric) if bests else None,
        _streak(trials, told),
        _end(trials, told, own, metric=metric if bests else None, reason=end),
    )
    found = [part for part in parts if part is not None]
    if not found:
        return None
    changed = {key: value for _, _, changes in found for key, value in changes.items()}
    return News(
        lines=tuple(line for line, _, _ in found),
        data={key: value for _, data, _ in found for key, value in data.items()},
        told=Told(**{**told.as_mapping(), **changed}),
    )


_Part = tuple[str, dict[str, Any], dict[str, Any]]
"""A line, the same as data, and what of `Told` it changes."""


def _best(trials: Sequence[FrozenTrial], told: Told, own: OwnTrials, metric: str) -> _Part | None:
    best = own.highest(trials)
    if best is None or best.number == told.best:
        return None
    value = float(best.values[0])
    # A trial of others was news to earlier versions; it is no best to be beaten.
    known = next((t for t in trials if t.number == told.best), None)
    last = None if known is not None and own.is_foreign(known) else told.value
    if last is not None and value <= last:
        return None
    shown, beaten = (f"{value:.4f}", "") if last is None else apart(value, last)
    before = "" if last is None else f", before {beaten} (trial {told.best})"
    line = f"new best: {metric} {shown}, trial {best.number} ({parameters(best.params)}){before}"
    data = {"trial": best.number, "value": value, "before": last, "params": best.params}
    return line, {"best": data}, {"best": best.number, "value": value}


def _streak(trials: Sequence[FrozenTrial], told: Told) -> _Part | None:
    """Failures in a row at the end; each row is told once, when it is long enough."""
    ended = [trial for trial in trials if trial.state.is_finished() and trial.datetime_complete]
    ended.sort(key=lambda trial: (trial.datetime_complete, trial.number))
    row: list[FrozenTrial] = []
    for trial in reversed(ended):
        if trial.state is not TrialState.FAIL:
            break
        row.append(trial)
    if len(row) < STREAK or row[-1].number == told.streak:
        return None
    reason = hide(str(row[0].user_attrs.get(ERROR, "no reason was kept")))[:REASON_CHARACTERS]
    line = f"{len(row)} trials in a row failed, the last, trial {row[0].number}, of: {reason}"
    data = {"failures": len(row), "last": row[0].number, "reason": reason}
    return line, {"failure_streak": data}, {"streak": row[-1].number}


def _end(
    trials: Sequence[FrozenTrial],
    told: Told,
    own: OwnTrials,
    *,
    metric: str | None,
    reason: str | None,
) -> _Part | None:
    """The end, with the winner's `metric`; None where a single trial is no winner."""
    ended = sum(trial.state.is_finished() for trial in trials)
    if reason is None or ended == told.ended:
        return None
    counts = _counts(trials)
    best = own.highest(trials) if metric is not None else None
    won = "" if best is None else f"; best {metric} {best.values[0]:.4f} (trial {best.number})"
    counted = ", ".join(f"{number} {word}" for word, number in counts.items())
    line = f"the search has ended, {reason}: {counted}{won}"
    data = {
        "reason": reason,
        "trials": counts,
        "best": None if best is None else {"trial": best.number, "value": float(best.values[0])},
    }
    return line, {"end": data}, {"ended": ended}


def _counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for trial in trials:
        if trial.state.is_finished():
            infeasible = trial.state is TrialState.PRUNED and is_infeasible(trial)
            word = "infeasible" if infeasible else WORDS[trial.state]
            counts[word] = counts.get(word, 0) + 1
    return counts
