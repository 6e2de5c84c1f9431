"""The terminal of a worker: a console, quiet libraries, warnings as lines, the closing words."""

import logging
import shlex
import warnings

import optuna
from rich.console import Console
from rich.logging import RichHandler

from hpo.hiding import HidingFormatter
from hpo.progress import parameters
from hpo.trial_record import best_trial
from storage.connect import Database


def make_console() -> Console:
    """A console that also shows warnings; Optuna's own lines stay away."""
    console = Console()
    handler = RichHandler(console=console, show_time=False, show_path=False, markup=False)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    handler.setFormatter(HidingFormatter("%(message)s"))
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    return console


def show_result(console: Console, database: Database, name: str, *, reason: str) -> None:
    """Say why the worker ended, which trial leads, and what can be done next."""
    study = optuna.load_study(study_name=name, storage=database.storage)
    best = best_trial(study)
    console.print()
    console.print(f"worker ended: {reason}", highlight=False, markup=False, soft_wrap=True)
    if best is None:
        console.print(f"no trial of {name!r} has completed yet", highlight=False, markup=False)
        return
    console.print(
        f"best of {name!r}: trial {best.number}, {best.value:.4f} at epoch {best.epoch:g}"
        f" ({parameters(best.params)})",
        style="bold green",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    console.print("next:", highlight=False)
    for command, what in (
        (
            f"hpo best --study {shlex.quote(name)} --export config.yaml",
            "the winner as a configuration",
        ),
        ("hpo train --config config.yaml --output model", "train it again: the same score"),
        ("hpo dashboard", "look at every trial"),
    ):
        console.print(f"  {command:<48} {what}", highlight=False, markup=False, soft_wrap=True)
