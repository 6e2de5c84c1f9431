"""Means with their ranges: the rows resampled within each task, tasks weighing the same."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.cells import Row

RESAMPLES = 1000
LEVEL = 95  # percent of the resampled means that a range holds
GRID = np.linspace(0, 1.25, 501)
"""Shares of the unpruned random search's mean epochs at which regrets are looked at."""
SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
"""Those of them that are shown."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean and the range that holds 95% of its bootstrap."""

    mean: float
    low: float
    high: float


def mean(rows: Sequence[Row], measured: Callable[[Row], float], *, seed: int = 0) -> Estimate:
    """The mean over tasks of the means over seeds; infinite if any row is."""
    chance = np.random.default_rng(seed)
    tables = [np.array(list(map(measured, of))) for of in by_task(rows).values()]
    drawn = [chance.choice(table, (RESAMPLES, len(table))).mean(axis=1) for table in tables]
    whole = float(np.mean([table.mean() for table in tables]))
    return _estimate(whole, np.mean(drawn, axis=0))


@dataclass(frozen=True)
class Against:
    """A search method against random search without pruning.

    `needs` is the share of random search's epochs after which the mean regret is at most random
    search's final one, infinite where it never is; `regrets` and `final` are mean regrets over
    random search's final one, after each of SHARES of its epochs and in the end.
    """

    needs: Estimate
    regrets: tuple[Estimate, ...]
    final: Estimate


def against(
    rows: Sequence[Row], baseline: Sequence[Row], *, unknown: Mapping[str, float], stopped: bool
) -> Against:
    """Compare searches of the same tasks with the same workers.

    `unknown` is for each task the regret that counts while nothing has finished; regrets of
    different tasks are taken as shares of it. `stopped` lets the trials that were stopped count
    for the best.
    """
    chance = np.random.default_rng(0)
    mine, theirs = by_task(rows), by_task(baseline)
    epochs = {task: float(np.mean([r.epochs for r in of])) for task, of in theirs.items()}
    paths = {
        task: np.array([_gaps(r, epochs[task], unknown[task], stopped=stopped) for r in of])
        / unknown[task]
        for task, of in mine.items()
    }
    finals = {
        task: np.array([_final(r, unknown[task]) for r in of]) / unknown[task]
        for task, of in theirs.items()
    }
    curve = _pooled(paths) / _pooled(finals)
    curves = [
        _pooled({t: p[chance.integers(0, len(p), len(p))] for t, p in paths.items()})
        / _pooled({t: chance.choice(f, len(f)) for t, f in finals.items()})
        for _ in range(RESAMPLES)
    ]
    places = np.searchsorted(GRID, [*SHARES, GRID[-1]])
    *regrets, final = [_estimate(float(curve[at]), [one[at] for one in curves]) for at in places]
    needs = _estimate(_reached(curve), [_reached(one) for one in curves])
    return Against(needs, tuple(regrets), final)


def by_task(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each task."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.cell.task, []).append(row)
    return found


def _pooled(regrets: Mapping[str, Numbers]) -> Numbers:
    """The mean over tasks of the means over seeds."""
    shown: Numbers = np.mean([of.mean(axis=0) for of in regrets.values()], axis=0)
    return shown


def _reached(curve: Numbers) -> float:
    places = np.flatnonzero(curve <= 1)
    return float(GRID[places[0]]) if len(places) else math.inf


def _gaps(row: Row, epochs: float, unknown: float, *, stopped: bool) -> Numbers:
    path = row.seen if stopped else row.path
    paid = np.array([0, *(one for one, _ in path)], dtype=float)
    gaps = np.array([unknown, *(gap for _, gap in path)])
    found: Numbers = gaps[np.searchsorted(paid, GRID * epochs, side="right") - 1]
    return found


def _final(row: Row, unknown: float) -> float:
    return unknown if row.gap is None else row.gap


def _estimate(value: float, resampled: Sequence[float] | Numbers) -> Estimate:
    edge = (100 - LEVEL) / 2
    # "lower" and "higher": between a number and infinity there is nothing to interpolate
    low = float(np.percentile(resampled, edge, method="lower"))
    high = float(np.percentile(resampled, 100 - edge, method="higher"))
    return Estimate(value, low, high)
