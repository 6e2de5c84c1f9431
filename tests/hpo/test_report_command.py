"""`hpo report` as it is typed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from config.load import from_mapping
from hpo import study as studies
from hpo.cli import main
from hpo.report import write

CONFIG = from_mapping(
    {"optuna": {"search_space": {"training.weight_decay": {"low": 0.0, "high": 0.1}}}}
)


@pytest.fixture
def storage(database):
    studies.create(database, "s", CONFIG, data_fingerprint="f" * 64)
    return str(database.url)


def run(storage, *words):
    return CliRunner().invoke(main, ["report", "--storage", storage, *words])


def test_without_a_file_the_markdown_is_printed(storage):
    result = run(storage, "--number", "4", "--aim", "Beat 0.48")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("# Experiment 4: s\n")
    assert "Beat 0.48" in result.output


def test_each_file_is_written_as_its_name_ends(storage, tmp_path):
    page, text = tmp_path / "r.html", tmp_path / "r.md"
    result = run(storage, "--out", str(page), "--out", str(text))
    assert result.exit_code == 0, result.output
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert text.read_text().startswith("# Experiment 1: s")


def test_a_file_of_another_kind_is_refused_and_nothing_is_written(storage, tmp_path):
    result = run(storage, "--out", str(tmp_path / "r.md"), "--out", str(tmp_path / "r.pdf"))
    assert result.exit_code == 2
    assert "ends neither in .html nor in .md" in result.output
    assert list(tmp_path.glob("r.*")) == []


def test_without_plotly_html_is_refused_in_one_line_and_markdown_works(
    storage, tmp_path, monkeypatch
):
    monkeypatch.setattr(write, "find_spec", lambda _: None)
    result = run(storage, "--out", str(tmp_path / "r.html"))
    assert result.exit_code == 2
    assert "pip install 'hpo[report]'" in result.output
    assert "Traceback" not in result.output
    assert run(storage, "--out", str(tmp_path / "r.md")).exit_code == 0


def test_a_folder_that_is_not_there_is_named(storage, tmp_path):
    result = run(storage, "--out", str(tmp_path / "none" / "r.md"))
    assert result.exit_code == 1
    assert str(Path("none") / "r.md") in result.output


def test_a_study_that_is_not_there_is_named(storage):
    result = run(storage, "--study", "other")
    assert result.exit_code == 1
    assert "no study 'other'" in result.output


def test_nothing_is_heard_of_a_home_that_matplotlib_cannot_write_to(tmp_path: Path) -> None:
    """Optuna's plots load it, though ours are plotly's."""
    (tmp_path / "home").touch()
    loaded = subprocess.run(
        [sys.executable, "-c", "import hpo.report.plots"],
        env={**os.environ, "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stderr == ""
