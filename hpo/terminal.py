"""The terminal of a worker: a console, quiet libraries, warnings as lines, the closing words."""

import logging
import os
import shlex
import sys
import warnings
from contextlib import suppress

import optuna
from optuna.exceptions import StorageInternalError
from rich.cells import cell_len
from rich.console import Console
from rich.logging import RichHandler
from typing_extensions import override  # Python 3.11's typing has none

from hpo.confirm.names import confirmed_name
from hpo.confirm.results import confirmed
from hpo.errors import HpoError
from hpo.hiding import HidingFormatter
from hpo.progress import parameters
from hpo.study import own_trials
from hpo.told_trials import look_for_better_told
from storage.connect import Database
from storage.errors import StorageError

UNFOLDED = 100_000  # columns


class WorkerConsole(Console):
    """A console whose reader may go away (`hpo worker | head`) without ending the worker."""

    @override
    def on_broken_pipe(self) -> None:
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class LineHandler(logging.Handler):
    """Prints a record on one line, as whoever searches a log wants it."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    @override
    def emit(self, record: logging.LogRecord) -> None:
        text = f"{record.levelname:<8} {self.format(record)}"
        with suppress(OSError):  # a log that cannot be written must not fail the trial
            self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def make_console() -> Console:
    """A console that also shows warnings and counts; Optuna's own lines stay away."""
    console = WorkerConsole()
    handler: logging.Handler = LineHandler(console)
    if console.is_terminal:
        handler = RichHandler(console=console, show_time=False, show_path=False, markup=False)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    handler.setFormatter(HidingFormatter("%(message)s"))
    logging.getLogger("trainer.augment").setLevel(logging.INFO)  # what was made, kept, dropped
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return console


def listing_console() -> Console:
    """A console that folds lines for a terminal alone: programs look for words in them."""
    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = UNFOLDED
    return console


def show_result(console: Console, database: Database, name: str, *, reason: str) -> None:
    """Say why the worker ended, which trial leads, and what can be done next."""
    console.print()
    _say(console, f"worker ended: {reason}")
    try:
        study = optuna.load_study(study_name=name, storage=database.storage)
        best = own_trials(database, name).best(study)
        told = look_for_better_told(database, name, best)
        exact = best is not None and best.machine.get("device") == "cpu"
        commands = _next_commands(database, name, exact=exact)
    except (StorageError, StorageInternalError):
        return  # a worker that is stopped while the database is away has nothing more to say
    if best is None:
        _say(console, f"no trial of {name!r} has completed yet" if told is None else str(told))
        return
    leads = f"best of {name!r}: trial {best.number}, {best.value:.4f} at epoch {best.epoch:g}"
    _say(console, f"{leads} ({parameters(best.params)})", style="bold green")
    if told is not None:
        _say(console, str(told), style="yellow")
    _say(console, "next:")
    width = max(cell_len(command) for command, _ in commands)
    for command, what in commands:
        _say(console, f"  {command}{' ' * (width - cell_len(command))}    {what}")


def _say(console: Console, line: str, *, style: str | None = None) -> None:
    console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _next_commands(database: Database, name: str, *, exact: bool) -> list[tuple[str, str]]:
    """What to type next, and what that does; `exact` where a training reaches its score again."""
    search, look = confirmed_name(name), ("hpo dashboard", "look at every trial")
    export = f"hpo best --study {shlex.quote(name)} --export config.yaml"
    if search is not None:  # there the best run is a lucky one
        with suppress(HpoError):  # another study of such a name
            if confirmed(database, search)[1].winner is None:
                go_on = f"hpo worker --study {shlex.quote(name)}"
                return [(go_on, "a winner needs two runs of one trial"), look]
        export = f"hpo best --study {shlex.quote(search)} --confirmed --export config.yaml"
    again = "train it again: the same score" if exact else "train it again"
    return [
        (export, "the winner as a configuration"),
        ("hpo train --config config.yaml --output model", again),
        look,
    ]
