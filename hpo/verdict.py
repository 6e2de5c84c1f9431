"""Why a trial is stopped, as it is kept with the trial and as it is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

DIGITS = 4  # of ROUGE in messages; more where two values would look alike
ALWAYS = ("value", "threshold")  # what is kept even where there is none


@dataclass(frozen=True)
class Verdict:
    """Why a trial is stopped: at `step` (an evaluation, from 1) `value` is below `threshold`.

    Both are None where no valid value was reported; the threshold alone is None where the rule
    compared nothing (a rung that takes nobody before bootstrap_count trials are there). `also`
    holds the other rules that stopped the trial at the same step. For a rule that extrapolates,
    `value` is what the trial would come to at best, from `so_far`, and `threshold` what trial
    `leader` has come to already; both are None for other rules. Where it is stopped for its
    place at that step alone, `value` is `so_far`, and it is `place` (from 1) `of` so many trials.
    """

    rule: str
    step: int
    value: float | None
    threshold: float | None
    also: tuple["Verdict", ...] = ()
    so_far: float | None = None
    leader: int | None = None
    place: int | None = None
    of: int | None = None

    def as_mapping(self) -> dict[str, Any]:
        """The verdict as it is kept with the trial (JSON)."""
        kept = {**asdict(self), "also": [other.as_mapping() for other in self.also]}
        return {name: value for name, value in kept.items() if value is not None or name in ALWAYS}

    @classmethod
    def from_mapping(cls, kept: Mapping[str, Any]) -> "Verdict":
        """The verdict that was kept with a trial."""
        return cls(**{**kept, "also": tuple(map(cls.from_mapping, kept["also"]))})


def text(verdict: Verdict, *, evaluations_per_epoch: int = 1) -> str:
    """The verdict in a line: `median at epoch 6: 0.2131 below 0.2544`."""
    rules = (verdict, *verdict.also)
    return "; ".join(_text(one, verdict.step / evaluations_per_epoch) for one in rules)


def _text(verdict: Verdict, epoch: float) -> str:
    where = f"{verdict.rule} at epoch {epoch:g}"
    if verdict.value is None:
        return f"{where}: no valid score"
    if verdict.threshold is None:
        return f"{where}: {verdict.value:.{DIGITS}f}"
    value, threshold = apart(verdict.value, verdict.threshold)
    if verdict.place is not None:
        return (
            f"{where}: {value} is place {verdict.place} of {verdict.of} by then,"
            f" trial {verdict.leader} has {threshold}"
        )
    if verdict.so_far is not None:
        return (
            f"{where}: {verdict.so_far:.{DIGITS}f} would come to {value} at best,"
            f" trial {verdict.leader} has {threshold}"
        )
    return f"{where}: {value} below {threshold}"


def apart(one: float, other: float) -> tuple[str, str]:
    """Give both numbers with four digits, or with as many as tell them apart."""
    for digits in range(DIGITS, 17):
        shown = f"{one:.{digits}f}", f"{other:.{digits}f}"
        if shown[0] != shown[1]:
            return shown
    return repr(one), repr(other)
