"""Seconds become the printed figures: quantiles of each call, and ratios round by round."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.ratios import Ratio, ratio
from benchmarks.storage.crowd import TRIAL_S, Measured
from benchmarks.storage.fill import OURS, PLAIN
from benchmarks.storage.workers import ASK, CALLS, REPORT, whole_trials

HUNDREDTH = 0.99


@dataclass
class Cell:
    """One size of study under one number of workers: what each round measured, by side."""

    trials: int
    workers: int
    rounds: dict[str, list[Measured]] = field(default_factory=lambda: {OURS: [], PLAIN: []})

    def medians(self, side: str, call: str) -> list[float]:
        """Give each round's median of a call."""
        return [statistics.median(one.seconds[call]) for one in self.rounds[side]]

    def pooled(self, side: str, call: str) -> list[float]:
        """Give the seconds of a call in all rounds."""
        return [value for one in self.rounds[side] for value in one.seconds[call]]

    def share(self, side: str) -> float:
        """Give the share of a 5-minute trial that a worker spends in the database."""
        trials = [t for one in self.rounds[side] for t in whole_trials(one.seconds)]
        return statistics.median(trials) / TRIAL_S

    @property
    def errors(self) -> list[str]:
        """Whatever went wrong with any worker of either side."""
        return [
            f"{side}: {error}"
            for side, rounds in self.rounds.items()
            for one in rounds
            for error in one.errors
        ]


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value that this share of the values does not exceed, by the nearest rank."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def lines(cells: Sequence[Cell]) -> list[str]:
    """The table of all cells in Markdown: milliseconds, and the ratio to plain Optuna."""
    head = [
        "| trials | workers | rounds | call | ours p50 | p99 | plain p50 | p99 | ratio (range) |",
        "| ---: | ---: | ---: | :--- | ---: | ---: | ---: | ---: | :--- |",
    ]
    return head + [_line(cell, call) for cell in cells for call in CALLS]


def growth(cells: Sequence[Cell], side: str, call: str, *, workers: int) -> Ratio | None:
    """How many times the fewest trials' the most trials' median of a call is, round by round."""
    those = sorted((c for c in cells if c.workers == workers), key=lambda cell: cell.trials)
    if len(those) < 2:  # noqa: PLR2004 - one size does not grow
        return None
    most, fewest = (one.medians(side, call) for one in (those[-1], those[0]))
    both = min(len(most), len(fewest))  # a last round may have been cut off
    return ratio(most[:both], to=fewest[:both])


def growths(cells: Sequence[Cell]) -> list[str]:
    """A line for each number of workers: what more trials do to a call."""
    found = []
    for workers in sorted({cell.workers for cell in cells}):
        for call in (ASK, REPORT):
            ours, plain = (growth(cells, side, call, workers=workers) for side in (OURS, PLAIN))
            if ours is not None:
                found.append(
                    f"{call} with {workers} workers, most trials to fewest: ours {ours},"
                    f" plain {plain}"
                )
    return found


def shares(cells: Sequence[Cell]) -> list[str]:
    """A line for each cell: what of a 5-minute trial goes into the database."""
    return [
        f"{cell.trials} trials, {cell.workers} workers:"
        f" {cell.share(OURS):.2%} of a {TRIAL_S:g} s trial (plain {cell.share(PLAIN):.2%})"
        for cell in cells
    ]


def _line(cell: Cell, call: str) -> str:
    shown = [f"{cell.trials}", f"{cell.workers}", f"{len(cell.rounds[OURS])}", call]
    for side in (OURS, PLAIN):
        values = cell.pooled(side, call)
        shown += [f"{quantile(values, share) * 1000:.1f}" for share in (0.5, HUNDREDTH)]
    shown.append(str(ratio(cell.medians(OURS, call), to=cell.medians(PLAIN, call))))
    return "| " + " | ".join(shown) + " |"
