"""`-` is standard output: real processes whose two streams are read apart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from config.load import from_mapping
from hpo import study as studies
from hpo.cli import main
from hpo.trial_record import BEST_EPOCH

LR = "training.learning_rate"
SWEEP = Path(__file__).parents[2] / "config" / "sweeps" / "grid_of_lists.yaml"


@pytest.fixture
def searched(database, tmp_path, monkeypatch):
    """A working folder with a study in hpo.db that has one completed trial."""
    monkeypatch.chdir(tmp_path)
    space = {LR: {"low": 1e-5, "high": 1e-3}}
    config = from_mapping({"optuna": {"search_space": space}, "wandb": {"notes": "한국어"}})
    studies.create(database, "s", config, data_fingerprint="f" * 64)
    study = studies.open_study(database, "s", worker_seed=1)
    study.add_trial(
        create_trial(
            value=0.5,
            params={LR: 1e-4},
            distributions={LR: FloatDistribution(1e-5, 1e-3)},
            intermediate_values={1: 0.5},
            user_attrs={BEST_EPOCH: 1.0},
        )
    )
    return tmp_path


def hpo(*words: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "hpo", *words],
        env=os.environ | environ,
        capture_output=True,
        check=False,
    )


def called(*words: str) -> int:
    """Run a command here, for a file that it writes; its exit status."""
    return CliRunner().invoke(main, words, prog_name="hpo").exit_code


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_export_to_standard_output_is_the_file_and_nothing_else(searched, encoding) -> None:
    printed = hpo("best", "--export", "-", PYTHONIOENCODING=encoding)
    assert printed.returncode == 0, printed.stderr
    assert called("best", "--export", "config.yaml") == 0
    assert printed.stdout == (searched / "config.yaml").read_bytes()
    assert "한국어".encode() in printed.stdout
    assert b"best of 's': trial 0" in printed.stderr
    assert not (searched / "-").exists()


def test_a_file_of_that_name_is_written_where_it_is_meant(searched) -> None:
    assert called("best", "--export", "./-") == 0
    assert (searched / "-").stat().st_size > 0


def test_a_report_goes_to_standard_output_beside_a_file(searched) -> None:
    printed = hpo("report", "--out", "-", "--out", "r.md")
    assert printed.stdout == (searched / "r.md").read_bytes()
    assert printed.stderr == b"written to r.md\n"


def test_a_sweeps_configuration_goes_to_standard_output(searched) -> None:
    printed = hpo("import-sweep", str(SWEEP), "--out", "-")
    (searched / "study.yaml").write_bytes(printed.stdout)
    assert b"the configuration: 2 parameters" in printed.stderr
    assert called("config", "check", "study.yaml") == 0


def test_a_closed_or_full_standard_output_is_said(searched) -> None:
    for redirected, status, says in (
        (">&-", 1, "it is closed"),
        (">/dev/full", 1, "No space left on device"),
        ("| true", 1, ""),
    ):
        line = f"set -o pipefail; {sys.executable} -m hpo best --export - {redirected}"
        ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        assert ended.returncode == status, redirected
        assert says in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("best", "--export", "-", "--json"), "both go to standard output"),
        (("eda", "--config", "demo", "--out", "-", "--json", "-"), "both name -"),
        (
            ("predict", "--model", "m", "--data", "d.csv", "--submission", "--out", "-"),
            "--submission needs a file",
        ),
        (("train", "--config", "demo", "--output", "-"), "is no folder"),
        (("worker", "--study", "demo", "--output", "-"), "is no folder"),
        (("worker", "--study", "demo", "--checkpoints", "-"), "is no folder"),
        (("report", "--artifacts", "-"), "is no folder"),
        (("ensemble", "--exports", "-"), "is no folder"),
        (("up", "--folder", "-"), "is no folder"),
    ],
)
def test_what_standard_output_cannot_be_is_refused(searched, words, says) -> None:
    ended = CliRunner().invoke(main, words, prog_name="hpo")
    assert ended.exit_code == 2, ended.output
    assert says in ended.output
    assert not (searched / "-").exists()
