"""Every command in the README and in docs/ is one that hpo and make understand."""

import re
import shutil
from pathlib import Path

import click
import optuna
import pytest
from click.testing import CliRunner
from hpo_commands import mentioned_in, split, written_in
from markdown_text import code_lines, spans
from trained_trial import trained_trial

from config.sample import locate
from hpo.cli import main

READMES = ("README.md", "README.ko.md")
CHEAP = ("create", "status", "best", "studies", "delete", "config")
# What the README leaves to its reader.
FILLED_IN = {"S": "demo", "PRESET|FILE": "demo", "FILE": "mine.yaml"}
RATE = "training.learning_rate"


def documents(root):
    return [*(root / name for name in READMES), *sorted((root / "docs").rglob("*.md"))]


def parse(command):
    """Have click read a command line without running it; raises UsageError."""
    here, context, words = main, click.Context(main, info_name="hpo"), list(command.words)
    while isinstance(here, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        inner = here.get_command(context, name)
        if inner is None:
            raise click.UsageError(f"hpo has no command {name!r}")
        here = inner
    if {"--help", "--version"} & set(words) or (isinstance(here, click.Group) and not words):
        return
    try:
        here.make_context(here.name, words, parent=context)
    except click.MissingParameter:
        if command.whole:
            raise


def test_every_command_is_one_that_hpo_understands(root):
    wrong, seen = [], set()
    for document in documents(root):
        text = document.read_text(encoding="utf-8")
        for command in [*written_in(text), *mentioned_in(text)]:
            seen.add(command.words[0])
            try:
                parse(command)
            except click.UsageError as error:
                line = " ".join(command.words)
                wrong.append(f"{document.name}: hpo {line}: {error.format_message()}")
    assert wrong == []
    assert seen >= set(main.commands)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("hpo wroker --study kobart", "wroker"),
        ("hpo worker --sturdy kobart", "--sturdy"),
        ("hpo create --config kobart", "study"),
        ("docker compose run --rm create bset", "bset"),
    ],
)
def test_a_wrong_command_would_be_found(line, says):
    with pytest.raises(click.UsageError, match=says):
        parse(split(line))


def test_every_make_target_is_there(root):
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for document in documents(root):
        text = document.read_text(encoding="utf-8")
        code = [*code_lines(text), *(span for span, _ in spans(text))]
        for line in code:
            found = re.match(r"make (?!\w+=)([a-z-]+)(.*)", line)
            if found is None:
                continue
            assert found[1] in targets, (document.name, line)
            for variable in re.findall(r"\b([A-Z_]+)=", found[2]):
                assert re.search(rf"^#   {variable}\b", makefile, re.MULTILINE), (variable, line)


@pytest.mark.parametrize("name", READMES)
def test_the_cheap_commands_run_in_the_readmes_order(name, root, tmp_path, monkeypatch):
    """In an empty folder; where a worker would have trained, a finished trial is put in."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(locate("sample:dialogues"), "data")
    readme = (root / name).read_text(encoding="utf-8")
    ran = []
    for command in written_in(readme):
        words = [FILLED_IN.get(word, word) for word in command.words]
        if words[:3] == ["worker", "--study", "demo"]:
            pretend_to_work("demo")
        if words[0] in CHEAP:
            run(words, output=command.output or ("mine.yaml" if "show" in words else None))
            ran.append(words[0])
    assert set(ran) == set(CHEAP)


def test_both_readmes_name_the_same_commands(root):
    english, korean = (
        [command.words for command in mentioned_in((root / name).read_text(encoding="utf-8"))]
        for name in READMES
    )
    assert korean == english


def run(words, *, output):
    """Run a command of the README; only what would wait for the reader is changed."""
    also = {"delete": ["--yes"]}.get(words[0], [])
    given = [word for word in words if word != "--watch"] + also
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, (given, result.output)
    if output is not None:
        Path(output).write_text(result.stdout, encoding="utf-8")


def pretend_to_work(study):
    """Leave a completed trial behind, as a worker does."""
    found = optuna.load_study(study_name=study, storage="sqlite:///hpo.db")
    if found.trials:
        return
    rate = {RATE: optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True)}
    found.add_trial(trained_trial(params={RATE: 5e-3}, distributions=rate, value=0.7))


def test_the_export_of_the_readme_is_a_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(["create", "--study", "demo", "--config", "demo"], output=None)
    pretend_to_work("demo")
    run(["best", "--study", "demo", "--export", "config.yaml"], output=None)
    run(["config", "check", "config.yaml"], output=None)
    assert f"{RATE}: 0.005" in (tmp_path / "config.yaml").read_text(encoding="utf-8")
