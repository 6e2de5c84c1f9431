"""The documents hold: generated parts are up to date, examples load, links lead somewhere."""

import re

import pytest
from click.testing import CliRunner
from hpo_commands import split, written_in
from markdown_text import anchors, fenced, links, spans

from config.load import load
from config.reference import reference
from config.schema import Configuration
from hpo.cli import main

FIELDS = "docs/configuration-fields.md"
CONFIGURATION = "docs/configuration.md"
ELSEWHERE = ("https://", "http://", "mailto:")


def documents(root):
    return [
        root / "README.md",
        root / "README.ko.md",
        root / "CHANGELOG.md",
        *sorted((root / "docs").rglob("*.md")),
    ]


@pytest.fixture(scope="module")
def text(root):
    return (root / CONFIGURATION).read_text(encoding="utf-8")


def test_the_page_of_fields_says_what_the_schema_says(root):
    """Else: python -m config.reference > docs/configuration-fields.md."""
    assert (root / FIELDS).read_text(encoding="utf-8") == reference()


def test_every_yaml_example_loads(text, tmp_path):
    examples = fenced(text, "yaml")
    assert len(examples) >= 6
    for number, example in enumerate(examples):
        file = tmp_path / f"{number}.yaml"
        file.write_text(example, encoding="utf-8")
        load(str(file))


def test_every_example_of_hpo_config_runs(text, tmp_path, monkeypatch):
    """One after the other in one folder, with the files that `>` writes."""
    monkeypatch.chdir(tmp_path)
    commands = [command for command in written_in(text) if command.words[0] == "config"]
    assert len(commands) >= 6
    for command in commands:
        result = CliRunner().invoke(main, command.words)
        assert result.exit_code == 0, (command, result.output)
        if command.output is not None:
            (tmp_path / command.output).write_text(result.stdout, encoding="utf-8")


def test_every_setting_in_the_environment_is_read(text):
    settings = [span.split("=", 1) for span, _ in spans(text) if re.match(r"HPO__\w+=", span)]
    assert settings
    for variable, value in settings:
        load(None, environ={variable: value})


def test_every_override_is_read(text, root):
    """Also those of commands that a test does not run, such as `hpo create`."""
    overrides = [
        word
        for command in written_in(text + (root / "README.md").read_text(encoding="utf-8"))
        for flag, word in zip(command.words, command.words[1:], strict=False)
        if flag == "-o"
    ]
    assert overrides
    for override in overrides:
        load(None, overrides=[override])


def test_every_section_is_described(text):
    described = {span.split(".")[0] for span, _ in spans(text)}
    assert set(Configuration.model_fields) <= described


def test_the_guides_file_is_among_the_examples(text):
    (guide,) = [example for example in fenced(text, "yaml") if "MedianPruner" in example]
    for written in ("fp16: true", "metric: rougeL", "pruner: MedianPruner"):
        assert written in guide


def test_every_link_leads_somewhere(root):
    dead = []
    for document in documents(root):
        for link in links(document.read_text(encoding="utf-8")):
            if link.startswith(ELSEWHERE):
                continue
            path, _, anchor = link.partition("#")
            target = (document.parent / path) if path else document
            if not target.exists() or (
                anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
            ):
                dead.append(f"{document.relative_to(root)}: {link}")
    assert dead == []


def test_decisions_are_numbered_and_short(root):
    names = [path.name for path in sorted((root / "docs/decisions").glob("*.md"))]
    numbered = [name for name in names if name != "README.md"]
    assert [int(name[:4]) for name in numbered] == list(range(1, len(numbered) + 1))
    for name in numbered:
        page = (root / "docs/decisions" / name).read_text(encoding="utf-8")
        assert page.startswith(f"# {int(name[:4])}. "), name
        for head in ("## Decided", "## Instead of", "## Why", "## What it costs"):
            assert page.count(f"{head}\n") == 1, (name, head)
        assert len(page.splitlines()) <= 60, name


def test_documents_name_no_private_place(root):
    private = re.compile(r"/(?:root|home|work|tmp|Users)/|\blocalhost:\d|shared/")
    for document in documents(root):
        found = private.search(document.read_text(encoding="utf-8"))
        assert found is None, (document.name, found)


def test_a_commands_redirection_is_no_part_of_it():
    command = split("hpo config show kobart -o 'a.b=[1, 2]' > mine.yaml  # a file")
    assert command.words == ("config", "show", "kobart", "-o", "a.b=[1, 2]")
    assert command.output == "mine.yaml"
