"""hpo import-sweep: what it writes, what it says, and how it ends."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpo.cli import main

SWEEPS = Path(__file__).parent.parent / "config" / "sweeps"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Imports one of the sweeps in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_it(name, *words):
        shutil.copy(SWEEPS / f"{name}.yaml", "sweep.yaml")
        return CliRunner().invoke(
            main, ["import-sweep", "sweep.yaml", "--out", "study.yaml", *words]
        )

    return run_it


def test_what_is_equal_is_written_and_the_next_command_named(run):
    result = run("grid_of_lists")
    assert result.exit_code == 0, result.output
    assert "2 parameters, 12 trials, grid sampler, no pruner, rougeL" in result.stdout
    assert "next: hpo create --study grid --config study.yaml" in result.stdout
    checked = CliRunner().invoke(main, ["config", "check", "study.yaml"])
    assert checked.stdout.startswith("ok: 12 trials over 2 parameters")


def test_what_is_not_is_named_with_its_line_and_the_rest_is_written(run):
    result = run("probabilities")
    assert result.exit_code == 1
    assert "not taken over, line 5: parameters.weight_decay" in result.stderr
    assert "nearest: training.weight_decay: {choices: [0, 0.01, 0.1]}" in result.stderr
    assert "2 parts of the sweep have no equivalent in study.yaml; --nearest" in result.stderr
    assert CliRunner().invoke(main, ["config", "check", "study.yaml"]).exit_code == 0


def test_with_nearest_it_is_taken_and_said(run):
    result = run("probabilities", "--nearest")
    assert result.exit_code == 0, result.output
    assert "line 5: parameters.weight_decay: the nearest is taken" in result.stdout
    assert "training.weight_decay: {choices: [0, 0.01, 0.1]}" in Path("study.yaml").read_text()


def test_the_sweep_itself_is_not_overwritten(run):
    result = run("guide", "--out", "./sweep.yaml")
    assert result.exit_code == 2
    assert "is the sweep itself" in result.output
    assert Path("sweep.yaml").read_bytes() == (SWEEPS / "guide.yaml").read_bytes()
