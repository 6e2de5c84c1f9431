"""A worker's closing words, and what its console keeps quiet."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial
from rich.console import Console

from hpo.study import CONFIG, KEY
from hpo.terminal import make_console, show_result
from hpo.trial_record import BEST_EPOCH, MACHINE
from storage.connect import Database

LR = "training.learning_rate"


def closing_words(database: Database, name: str, *, reason: str = "the budget is spent") -> str:
    console = Console(file=io.StringIO(), width=80)
    show_result(console, database, name, reason=reason)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def pinned(database: Database, name: str) -> optuna.Study:
    """A study as hpo creates one, as far as its closing words ask."""
    study = optuna.create_study(storage=database.storage, study_name=name, direction="maximize")
    study.set_user_attr(CONFIG, "general: {}")
    study.set_user_attr(KEY, "key")
    return study


def study_with_a_winner(database: Database, name: str, *, device: str = "cpu") -> None:
    study = pinned(database, name)
    for value in (0.2, 0.41239, 0.3):
        study.add_trial(
            create_trial(
                value=value,
                params={LR: 2.34e-5 * value},
                distributions={LR: FloatDistribution(1e-6, 1e-3)},
                user_attrs={BEST_EPOCH: 7.0, MACHINE: {"device": device}},
            )
        )


def test_the_winner_and_the_next_commands_are_shown(database: Database) -> None:
    study_with_a_winner(database, "kobart")
    lines = closing_words(database, "kobart").split("\n")
    assert lines[:4] == [
        "",
        "worker ended: the budget is spent",
        "best of 'kobart': trial 1, 0.4124 at epoch 7 (learning_rate 9.65e-06)",
        "next:",
    ]
    commands = [line.strip().partition("   ")[0] for line in lines[4:-1]]
    assert commands == [
        "hpo best --study kobart --export config.yaml",
        "hpo train --config config.yaml --output model",
        "hpo dashboard",
    ]


@pytest.mark.parametrize(("device", "promised"), [("cpu", True), ("NVIDIA H200", False)])
def test_the_same_score_is_promised_of_a_cpu_alone(
    database: Database, device: str, *, promised: bool
) -> None:
    study_with_a_winner(database, "kobart", device=device)
    assert ("the same score" in closing_words(database, "kobart")) == promised


def test_a_long_next_command_stands_apart_from_what_it_does(database: Database) -> None:
    study_with_a_winner(database, "a-name-of-some-length")
    commands = closing_words(database, "a-name-of-some-length").split("\n")[4:-1]
    apart = [line[2:].partition("  ") for line in commands]
    assert all(gap for _, gap, _ in apart)
    assert (
        len({line.index(what.lstrip()) for line, (*_, what) in zip(commands, apart, strict=True)})
        == 1
    )


def test_before_the_first_completed_trial_there_is_no_winner(database: Database) -> None:
    pinned(database, "s").ask()
    shown = closing_words(database, "s", reason="stopped as asked")
    assert shown == "\nworker ended: stopped as asked\nno trial of 's' has completed yet\n"


def test_names_and_reasons_are_shown_as_they_are(database: Database) -> None:
    study_with_a_winner(database, "[red]한국어[/red]")
    reason = "the storage said [bold]no[/bold] " + "and more " * 20 + "end"
    shown = closing_words(database, "[red]한국어[/red]", reason=reason)
    assert f"worker ended: {reason}\n" in shown
    assert "best of '[red]한국어[/red]'" in shown


def test_the_next_command_names_the_study_as_a_shell_takes_it(database: Database) -> None:
    study_with_a_winner(database, "two words")
    assert "hpo best --study 'two words' --export" in closing_words(database, "two words")


@contextmanager
def fresh_logging() -> Iterator[None]:
    """A root logger as a new process has it, and the old one back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    with warnings.catch_warnings():
        yield
    root.handlers[:] = before
    root.setLevel(level)


def test_warnings_become_lines_and_the_rest_stays_away(capsys: pytest.CaptureFixture[str]) -> None:
    with fresh_logging():
        make_console()
        logging.getLogger("hpo.wandb_mirror").warning("W&B is slow [really] %s", "so " * 40)
        logging.getLogger("hpo.wandb_mirror").info("nobody wants to know")
        warnings.warn("new in Optuna", optuna.exceptions.ExperimentalWarning, stacklevel=1)
    shown = capsys.readouterr()
    assert shown.out == f"WARNING  W&B is slow [really] {'so ' * 40}\n"  # not folded
    assert "nobody wants" not in shown.out
    assert "new in Optuna" not in shown.out + shown.err
