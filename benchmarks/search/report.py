"""The tables of the comparison, in Markdown."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence

from benchmarks.search.cells import NOISY, PRUNING, SEARCHING, Row
from benchmarks.search.curves import TEXT_RNN_SPACE, Task
from benchmarks.search.estimates import SHARES, Estimate, against, mean
from benchmarks.search.methods import NO_PRUNING, PEERS
from benchmarks.search.noise import evaluation_noise, seed_noise

TENTH = 0.1  # smaller shares get a digit more


def groups(tasks: Sequence[Task]) -> dict[str, list[str]]:
    """The tasks by what they were used for."""
    return {
        "used to choose": [t.name for t in tasks if not t.held_out],
        "held out": [t.name for t in tasks if t.held_out and not _recorded(t)],
        "our own model's curves, held out": [t.name for t in tasks if _recorded(t)],
    }


def report(rows: Sequence[Row], tasks: Sequence[Task]) -> Iterator[str]:
    """Every line of the tables that the rows fill."""
    yield from _tasks(tasks)
    makers = {PRUNING: _pruning, NOISY: _noisy, SEARCHING: _searching}
    for kind, make in makers.items():
        of_kind = [row for row in rows if row.cell.kind == kind]
        for group, names in groups(tasks).items():
            in_group = [row for row in of_kind if row.cell.task in names]
            for workers in sorted({row.cell.workers for row in in_group}):
                chosen = [row for row in in_group if row.cell.workers == workers]
                yield ""
                tasks_of = f"{len(names)} task{'s' * (len(names) > 1)}"
                yield f"**{kind}: {group}; {workers} worker{'s' * (workers > 1)}** ({tasks_of})"
                yield ""
                yield from make(chosen, tasks)


def _tasks(tasks: Sequence[Task]) -> Iterator[str]:
    yield "| task | held out | configurations | diverged | noise: evaluation | noise: two seeds |"
    yield "| :--- | :--- | ---: | ---: | ---: | ---: |"
    for task in tasks:
        diverged = statistics.fmean(curve.diverged for curve in task.curves)
        yield (
            f"| {task.name} | {'yes' if task.held_out else 'no'} | {len(task.curves)} |"
            f" {diverged:.1%} | {evaluation_noise(task):.4f} | {seed_noise(task):.4f} |"
        )


def _pruning(rows: Sequence[Row], tasks: Sequence[Task]) -> Iterator[str]:
    del tasks
    yield "| pruner | seeds | epochs used | best kept | mean regret / noise | runs' time |"
    yield "| :--- | ---: | ---: | ---: | ---: | ---: |"
    times = {_place(row): row.time for row in rows if row.cell.method == "no pruning"}
    for method, of in _methods(rows):
        yield (
            f"| {method} | {_seeds(of)} | {_percent(mean(of, lambda row: row.share))}"
            f" | {_percent(mean(of, lambda row: float(row.kept)))}"
            f" | {_number(mean(of, _in_noise))}"
            f" | {_percent(mean(of, lambda row: row.time / times[_place(row)]))} |"
        )


def _noisy(rows: Sequence[Row], tasks: Sequence[Task]) -> Iterator[str]:
    del tasks
    yield "| pruner, noisy scores | seeds | best still handed out | true regret / noise |"
    yield "| :--- | ---: | ---: | ---: |"
    for method, of in _methods(rows):
        kept = _percent(mean(of, lambda row: float(row.kept)))
        yield f"| {method} | {_seeds(of)} | {kept} | {_number(mean(of, _in_noise))} |"


def _searching(rows: Sequence[Row], tasks: Sequence[Task]) -> Iterator[str]:
    unknown = {task.name: _unknown(task) for task in tasks}
    spent_there = " | ".join(f"at 1/{round(1 / share)}" for share in SHARES)
    yield (
        f"| method | seeds | epochs to random search's final regret | regret {spent_there}"
        " | in the end | epochs in all |"
    )
    yield f"| :--- | {'---: | ' * (len(SHARES) + 4)}".rstrip()
    baseline = [row for row in rows if row.cell.method == NO_PRUNING]
    spent = statistics.fmean(row.epochs for row in baseline)
    for method, of in _methods(rows):
        stopped = method.split(maxsplit=1)[0] in PEERS
        found = against(of, baseline, unknown=unknown, stopped=stopped)
        share = statistics.fmean(row.epochs for row in of) / spent
        yield (
            f"| {method} | {_seeds(of)} | {_percent(found.needs)}"
            f" | {' | '.join(map(_number, found.regrets))} | {_number(found.final)} | {share:.0%} |"
        )


def _unknown(task: Task) -> float:
    """The regret of the middle configuration: what counts while no trial has finished."""
    return task.best - statistics.median(c.value for c in task.curves if not c.diverged)


def _recorded(task: Task) -> bool:
    return task.space is not TEXT_RNN_SPACE


def _methods(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    for method in dict.fromkeys(row.cell.method for row in rows):
        yield method, [row for row in rows if row.cell.method == method]


def _seeds(rows: Sequence[Row]) -> int:
    return len({row.cell.seed for row in rows})


def _place(row: Row) -> tuple[str, int]:
    return row.cell.task, row.cell.seed


def _in_noise(row: Row) -> float:
    return math.inf if row.lost is None else row.lost / row.noise


def _percent(one: Estimate) -> str:
    return _shown(one, lambda x: f"{x:.0%}" if x >= TENTH else f"{x:.1%}")


def _number(one: Estimate) -> str:
    return _shown(one, lambda x: f"{x:.2f}")


def _shown(one: Estimate, form: Callable[[float], str]) -> str:
    middle, low, high = (
        form(x) if math.isfinite(x) else "never" for x in (one.mean, one.low, one.high)
    )
    return middle if low == middle == high else f"{middle} ({low} to {high})"
