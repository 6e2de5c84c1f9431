"""The cells of the comparison: a method on a task with some workers, once for each seed."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.search.curves import Task
from benchmarks.search.methods import (
    MakeMethod,
    present,
    pruning_methods,
    search_methods,
)
from benchmarks.search.noise import evaluation_noise, noisy, seed_noise
from benchmarks.search.replay import Search, run

N_TRIALS = 100
"""Trials of a search; a smaller table gives half of its configurations."""

PRUNING, SEARCHING, NOISY = "pruning", "searching", "noisy"
Kind = str


@dataclass(frozen=True)
class Cell:
    """One search to be replayed."""

    kind: Kind
    method: str
    task: str
    workers: int
    seed: int


@dataclass(frozen=True)
class Row:
    """What one replayed search came to; values and regrets in the task's own unit.

    `lost` is how much worse, without noise, the configuration that was handed out is than the best
    of those met; `gap` how much worse it is than the best of the whole table. `path` holds the gap
    of the best finished trial against the evaluations paid for, `seen` that of any stopped trial
    too. None stands for nothing finished.
    """

    cell: Cell
    held_out: bool
    noise: float
    epochs: int
    unpruned_epochs: int
    time: float
    kept: bool
    lost: float | None
    gap: float | None
    path: tuple[tuple[int, float], ...]
    seen: tuple[tuple[int, float], ...]

    @property
    def share(self) -> float:
        """The share of the unpruned search's evaluations."""
        return self.epochs / self.unpruned_epochs


def cells(
    tasks: Sequence[Task],
    methods: dict[Kind, Sequence[str]],
    *,
    workers: Sequence[int],
    seeds: dict[Kind, int],
) -> Iterator[Cell]:
    """Every search of the comparison, all methods of a seed side by side."""
    for kind, names in methods.items():
        for count in workers if kind != NOISY else workers[:1]:
            for seed in range(seeds[kind]):
                for task in tasks:
                    for name in names:
                        yield Cell(kind, name, task.name, count, seed)


def measure(
    wanted: Iterable[Cell], tasks: Sequence[Task], kept: Path | None, *, tell: Callable[[str], None]
) -> list[Row]:
    """Replay every cell that the file `kept` does not hold yet, adding to it."""
    known = {row.cell: row for row in read(kept)} if kept is not None else {}
    by_name = {task.name: task for task in tasks}
    rows: list[Row] = []
    doing = ""
    for cell in wanted:
        if not present(cell.method):
            continue
        row = known.get(cell)
        if row is None:
            now = f"{cell.kind}, {cell.workers} workers, seed {cell.seed}"
            if now != doing:
                tell(now)
                doing = now
            row = replayed(cell, by_name[cell.task])
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
        rows.append(row)
    return rows


def replayed(cell: Cell, task: Task) -> Row:
    """Replay one search."""
    met = noisy(task, evaluation_noise(task), cell.seed) if cell.kind == NOISY else task
    search = run(met, _maker(cell)(met, cell.seed), workers=cell.workers, n_trials=n_trials(task))
    winner = search.winner
    value = -math.inf if winner is None else task.curves[winner].value
    best_met = max(task.curves[trial.curve].value for trial in search.trials)
    return Row(
        cell=cell,
        held_out=task.held_out,
        noise=seed_noise(task),
        epochs=search.epochs,
        unpruned_epochs=search.unpruned_epochs,
        time=search.time,
        kept=value >= best_met if cell.kind == NOISY else search.kept,
        lost=_finite(best_met - value),
        gap=_finite(task.best - value),
        path=_path(search, task, stopped=False),
        seen=_path(search, task, stopped=True),
    )


def n_trials(task: Task) -> int:
    """The trials of a search of the task."""
    return min(N_TRIALS, len(task.curves) // 2)


def read(path: Path) -> list[Row]:
    """The rows that an earlier run kept; none where there is no file."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines():
        one = json.loads(line)
        for name in ("path", "seen"):
            one[name] = tuple((epochs, gap) for epochs, gap in one[name])
        found.append(Row(**{**one, "cell": Cell(**one["cell"])}))
    return found


def _maker(cell: Cell) -> MakeMethod:
    methods = search_methods() if cell.kind == SEARCHING else pruning_methods()
    return methods[cell.method]


def _path(search: Search, task: Task, *, stopped: bool) -> tuple[tuple[int, float], ...]:
    incumbents = search.seen if stopped else search.delivered
    return tuple((one.epochs, round(task.best - one.value, 6)) for one in incumbents)


def _finite(regret: float) -> float | None:
    return round(regret, 6) if math.isfinite(regret) else None
