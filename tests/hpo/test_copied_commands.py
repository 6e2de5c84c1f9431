"""The command that a message ends with can be copied to a shell, whatever a study is called."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_search import LR, small_search
from trained_trial import trained_trial

from hpo.cli import main
from hpo.suggest import distributions
from storage.connect import connect
from storage.url import StorageURL

NAME = "우리 팀's"
SWEEP = """
method: random
run_cap: 1
metric: {name: rougeL, goal: maximize}
parameters: {lr: {min: 1.0e-5, max: 1.0e-3, distribution: log_uniform_values}}
"""


@pytest.fixture
def hpo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder and give what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> str:
        return CliRunner().invoke(main, words, prog_name="hpo").output.strip()

    return run


@pytest.mark.parametrize(
    ("words", "copied"),
    [
        (("best",), ("status",)),
        (("best", "--confirmed"), ("confirm",)),
        (("confirm",), ("status",)),
        (("ensemble",), ("status",)),
    ],
)
def test_a_study_without_trials_is_named_as_a_shell_takes_it(
    hpo, words: tuple[str, ...], copied: tuple[str, ...]
) -> None:
    hpo("create", "--study", NAME, "--config", "demo")
    said = hpo(*words, "--study", NAME)
    assert shlex.split(said[said.rindex(" hpo ") :]) == ["hpo", *copied, "--study", NAME]


def test_a_study_that_is_not_there_is_named_as_a_shell_takes_it(hpo) -> None:
    hpo("create", "--study", "another", "--config", "demo")
    said = hpo("status", "--study", NAME).removesuffix(" makes it")
    assert shlex.split(said[said.rindex("hpo create") :]) == ["hpo", "create", "--study", NAME]


def test_a_worker_is_told_of_the_places_that_it_would_not_take_from_the_database(hpo) -> None:
    places = ["general.output_dir=/big disk/out", "general.checkpoint_root=s3://team/hpo"]
    words = [word for place in places for word in ("-o", place)]
    said = hpo("create", "--study", NAME, "--config", "demo", *words)
    assert shlex.split(said[said.rindex("hpo worker") :])[2:] == [
        *("--study", NAME, "--output", "/big disk/out", "--checkpoints", "s3://team/hpo"),
    ]
    said = hpo("create", "--study", "within", "--config", "demo", "-o", "general.output_dir=o")
    assert said.endswith("next: hpo worker --study within")


def test_an_exported_file_is_named_as_a_shell_takes_it(hpo, tmp_path: Path) -> None:
    with connect(StorageURL.parse("sqlite:///hpo.db")) as database:
        search = small_search(database, tmp_path)
        space = distributions(search.config.optuna.search_space)
        search.study.add_trial(trained_trial(value=0.5, params={LR: 1e-4}, distributions=space))
    said = hpo("best", "--export", "the best.yaml")
    assert shlex.split(said[said.rindex("hpo train") :])[:4] == [
        *("hpo", "train", "--config", "the best.yaml"),
    ]


def test_an_imported_sweep_is_named_as_a_shell_takes_it_and_counted(hpo, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP, encoding="utf-8")
    said = hpo("import-sweep", "sweep.yaml", "--out", "a study.yaml")
    assert said.startswith("a study.yaml: 1 parameter, 1 trial, random sampler")
    assert shlex.split(said[said.rindex("hpo create") :]) == [
        *("hpo", "create", "--study", "NAME", "--config", "a study.yaml"),
    ]
