"""The command line: help with examples, wrong input exits 2, known failures 1 in one line."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hpo.cli import main

COMMANDS = {
    "baseline",
    "best",
    "check",
    "config",
    "confirm",
    "create",
    "dashboard",
    "delete",
    "down",
    "eda",
    "ensemble",
    "import-sweep",
    "mirror",
    "predict",
    "reap",
    "report",
    "retry",
    "status",
    "studies",
    "train",
    "up",
    "worker",
}


@pytest.fixture
def hpo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(main, words, input=stdin, prog_name="hpo")

    return run


def walk(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(each for name, sub in inner for each in walk(sub, (*path, name)))]


def test_all_commands_are_there() -> None:
    assert set(main.commands) == COMMANDS


@pytest.mark.parametrize("path", walk(main), ids=" ".join)
def test_help_says_what_a_command_does_with_an_example(hpo, path: tuple[str, ...]) -> None:
    result = hpo(*path, "--help")
    assert result.exit_code == 0
    assert "Example: hpo " in result.output
    assert len(result.output.splitlines()) > 5


def test_help_needs_neither_torch_nor_optuna() -> None:
    code = (
        "import sys, hpo.cli\n"
        "heavy = {'torch', 'transformers', 'optuna', 'wandb', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("wroker",), "wroker"),
        (("worker", "--max-trials", "0"), "--max-trials"),
        (("create",), "--study"),
        (("status", "--watch", "--json"), "--watch"),
        (("config", "check", "missing.yaml"), "missing.yaml"),
        (("config", "show", "kobart", "-o", "training.learning_rat=1"), "learning_rate"),
        (("config", "show", "kobart", "-o", "training.learning_rate=fast"), "fast"),
        (("config", "show", "kobart", "-o", "learning_rate"), "learning_rate"),
        (("create", "-s", "s", "-c", "demo", "-o", "optuna.n_trials=-1"), "n_trials"),
        (("predict", "--model", "m"), "--data"),
        (("studies", "--storage", "mysql://u:secret@h/d"), "mysql"),
        (("studies", "--storage", "hpo.db"), "hpo.db"),
        (("create", "-s", " ", "-c", "demo"), "name"),
        (("worker", "-s", "demo", "--gpus", "first"), "--gpus first"),
        (("retry", "-s", "s"), "--trial"),
        (("retry", "-s", "s", "--trial", "-1"), "--trial"),
        (("reap", "--older-than", "-1"), "--older-than"),
    ],
)
def test_wrong_input_exits_2_and_is_named(hpo, words: tuple[str, ...], says: str) -> None:
    result = hpo(*words)
    assert result.exit_code == 2, result.output
    assert says in result.output
    assert "Traceback" not in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("studies", "--storage", "postgresql://u:secret@127.0.0.1:9/d"), "127.0.0.1"),
        (("studies", "--storage", "sqlite:///no/such/folder/hpo.db"), "no/such/folder"),
        (("worker", "--study", "nothing"), "kobart"),
        (("status", "--study", "nothing"), "hpo create"),
        (("best",), "hpo create"),
        (("worker",), "hpo create"),
        (("delete", "--study", "nothing", "--yes"), "hpo create"),
        (("create", "-s", "s", "-c", "demo", "-o", "general.data_path=./none"), "none"),
        (("train", "-c", "demo", "-o", "general.data_path=./none"), "none"),
        (("train", "-c", "demo", "-o", "model.name=./none"), "none"),
        (("predict", "--model", "m", "--data", "d.csv", "--out", "o.csv"), "m"),
        (("worker", "-s", "demo", "--gpus", "7"), "--gpus 7"),
        (("retry", "--study", "nothing", "--trial", "0"), "hpo create"),
        (("reap", "--study", "nothing", "--yes"), "hpo create"),
    ],
)
def test_known_failures_exit_1_in_one_line(
    hpo, capfd: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    result = hpo(*words)
    printed = result.output + capfd.readouterr().err  # a worker's is its own process's
    assert result.exit_code == 1, printed
    assert says in printed
    assert "secret" not in printed
    assert printed.count("Error: ") == 1
    assert len(printed.strip().splitlines()) == 1


def test_cards_that_cuda_cannot_use_are_no_places_for_workers(
    hpo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)  # the driver counts without CUDA
    result = hpo("worker", "-s", "demo", "--gpus", "all")
    assert result.exit_code == 1
    assert "--gpus all: no CUDA device can be used here" in result.output


def test_a_study_is_created_listed_and_deleted_after_asking(hpo) -> None:
    assert "created" in hpo("create", "-s", "한국어 s", "-c", "demo").output
    assert "한국어 s" in hpo("studies").output
    assert "is kept" in hpo("delete", "-s", "한국어 s", stdin="n\n").output
    assert hpo("delete", "-s", "한국어 s", stdin="").exit_code == 1
    assert "한국어 s" in hpo("studies").output
    assert "deleted" in hpo("delete", "-s", "한국어 s", stdin="y\n").output
    assert "no studies yet" in hpo("studies").output


def test_watching_ends_with_ctrl_c_in_good_order(hpo, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    hpo("create", "-s", "s", "-c", "demo")
    monkeypatch.setattr("hpo.watch.time.sleep", interrupt)
    result = hpo("status", "--watch")
    assert result.exit_code == 0
    assert "0 of 12 taken" in result.output
    assert "Aborted" not in result.output


def test_shown_configurations_load_again(hpo, tmp_path: Path) -> None:
    shown = hpo("config", "show", "kobart", "-o", "training.learning_rate=2e-4").output
    (tmp_path / "mine.yaml").write_text(shown, encoding="utf-8")
    assert hpo("config", "show", "mine.yaml").output == shown
    assert "ok: " in hpo("config", "check", "mine.yaml").output
