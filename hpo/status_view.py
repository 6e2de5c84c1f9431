"""A study's status as a person reads it."""

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from hpo.durations import duration
from hpo.progress import parameters
from hpo.stale import NOT_COUNTED
from hpo.status import Failure, Status, WorkerStatus

FAILURES_SHOWN = 3
WIDEST = 10_000  # columns: what a table would take where it may
MARGIN = 9  # columns: the word that each line begins with


def view(status: Status) -> RenderableType:
    """The whole picture: one line of counts, the best, the workers."""
    lines = [
        _counts(status),
        *_copied(status),
        *([Text(f"stopped  {status.stopped}")] if status.stopped else []),
        _best(status),
        *_better_told(status),
        *_failures(status.failures),
        *_stale(status),
    ]
    return Group(
        Text(f"study {status.study}", style="bold"),
        *map(_Line, lines),
        _Workers(status.workers) if status.workers else Text("workers  none"),
    )


def _counts(status: Status) -> Text:
    return Text(
        f"trials   {status.taken} of {status.budget} taken:"
        f" {status.complete} complete{_told(status)}, {status.pruned} pruned,"
        f"{_infeasible(status)} {status.running} running, {status.failed} failed,"
        f" {status.waiting} waiting{_left(status)}"
    )


def _copied(status: Status) -> list[Text]:
    if not status.copied:
        return []
    came = "1 of them was" if status.copied == 1 else f"{status.copied} of them were"
    return [Text(f"         {came} trained in another study and copied here, outside this budget")]


def _told(status: Status) -> str:
    told = [f"{status.told} told by another program"] * bool(status.told)
    brought = [f"{status.brought} brought from another study"] * bool(status.brought)
    return f" ({', '.join((*told, *brought))})" if told or brought else ""


def _left(status: Status) -> str:
    if status.left or status.ours_running:
        seconds = status.time_left_s
        return "" if seconds is None else f", about {duration(seconds)} left"
    if status.taken >= status.budget:
        return ", budget spent"
    return "" if status.stopped else ", none queued"


def _infeasible(status: Status) -> str:
    """Nothing in most studies: named only where there is one."""
    return f" {status.infeasible} infeasible," if status.infeasible else ""


def _best(status: Status) -> Text:
    best = status.best
    if best is None:
        return Text(f"best     {status.better_told or 'no completed trial yet'}")
    return Text(
        f"best     trial {best.number}: {best.value:.4f} at epoch {best.epoch:g}"
        f" ({parameters(best.params)})"
    )


def _better_told(status: Status) -> list[Text]:
    """What other programs, such as optuna-dashboard, show as the best."""
    if status.best is None or status.better_told is None:
        return []
    return [Text(f"         {status.better_told}", style="yellow")]


def _failures(failures: tuple[Failure, ...]) -> list[Text]:
    """The last ones, a line each: hpo status --json has all."""
    last = [Text(f"failed   {failure}") for failure in failures[-FAILURES_SHOWN:]]
    more = len(failures) - len(last)
    return [*last, Text(f"         and {more} earlier (--json)")] if more else last


def _stale(status: Status) -> list[Text]:
    lines = [f"stale    {trial}" for trial in status.stale]
    if any(trial.foreign for trial in status.stale):
        lines.append(f"         {NOT_COUNTED}")
    return [Text(line, style="yellow") for line in lines]


class _Line:
    """A line that is folded beside its first word, not below it."""

    def __init__(self, text: Text) -> None:
        self._text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        word, rest = self._text.divide([MARGIN])
        for part in rest.wrap(console, max(options.max_width - MARGIN, MARGIN)):
            part.rstrip()
            yield word + part
            word = Text(" " * MARGIN)


class _Workers:
    """A table where there is room for it, else a line each: a name that is cut off names nobody."""

    def __init__(self, workers: tuple[WorkerStatus, ...]) -> None:
        self._workers = workers

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = self._table()
        if Measurement.get(console, options.update(max_width=WIDEST), table).maximum > (
            options.max_width
        ):
            yield from map(_line, self._workers)
        else:
            yield table

    def _table(self) -> Table:
        table = Table("worker", "device", "doing", "trial", "epoch", "value", "seen", box=None)
        for worker in self._workers:
            table.add_row(
                _name(worker),
                worker.device,
                _doing(worker),
                "-" if worker.trial is None else str(worker.trial),
                "-" if worker.epoch is None else f"{worker.epoch:g}",
                "-" if worker.value is None else f"{worker.value:.4f}",
                _seen(worker),
                style=_style(worker),
            )
        return table


def _line(worker: WorkerStatus) -> Text:
    trial = "" if worker.trial is None else f" trial {worker.trial}"
    epoch = "" if worker.epoch is None else f" epoch {worker.epoch:g}"
    value = "" if worker.value is None else f" {worker.value:.4f}"
    text = f"worker   {_name(worker)} on {worker.device}: {_doing(worker)}{trial}{epoch}{value}"
    return Text(f"{text}, seen {_seen(worker)}", style=_style(worker))


def _name(worker: WorkerStatus) -> str:
    return f"{worker.host}:{worker.pid}"


def _doing(worker: WorkerStatus) -> str:
    return "lost" if worker.lost else worker.doing


def _seen(worker: WorkerStatus) -> str:
    return f"{duration(worker.seen_s)} ago"


def _style(worker: WorkerStatus) -> str:
    return "red" if worker.lost else ""
