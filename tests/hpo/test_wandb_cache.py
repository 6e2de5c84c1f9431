"""A user without a home to write to: wandb's service has no place for its log but the terminal."""

import os
import subprocess
import sys
import textwrap

import pytest

from hpo.wandb_cache import cache_beside

A_RUN = """
    from pathlib import Path
    from config.load import from_mapping
    from hpo.trial_info import Ending, TrialInfo
    from hpo.wandb_run import Target, open_run, shut_down

    target = Target.of(from_mapping({}), Path("outputs"))
    info = TrialInfo("kobart", 4, "kobart-4", "name", {}, {}, "rouge1")
    run = open_run(target, info, wire="offline", earlier=())
    run.finish(Ending("complete", 0.3, None, 12.5))
    shut_down(5)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home in which no folder can be made, for the superuser neither."""
    for name in ("WANDB_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.write_text("no folder")
    monkeypatch.setenv("HOME", str(home))
    return home


def test_a_run_without_a_home_writes_nothing_to_the_terminal(home, tmp_path):
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "WANDB_MODE": "offline"}
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(A_RUN)],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.glob("outputs/wandb/offline-run-*/*.wandb"))
    assert list(tmp_path.glob("outputs/wandb/cache/**/core-debug*.log"))


def test_a_cache_that_can_be_written_stays_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "mine"))
    cache_beside(tmp_path / "outputs")
    assert os.environ["WANDB_CACHE_DIR"] == str(tmp_path / "mine")


def test_a_cache_goes_beside_the_runs_without_a_home(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_CACHE_DIR", str(home / "cache"))
    cache_beside(tmp_path / "outputs")
    assert os.environ["WANDB_CACHE_DIR"] == str(tmp_path / "outputs/wandb/cache")
