"""`hpo studies` in a database that others use too, and what reads its lines instead of a person."""

from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import create_trial
from small_search import small_search

from hpo.cli import main
from hpo.study import FORMAT_KEY
from storage.connect import connect
from storage.url import StorageURL


@pytest.fixture
def hpo(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command on a database with hpo's tables and give its lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPO_STORAGE", database_url)
    monkeypatch.delenv("COLUMNS", raising=False)  # tests side by side are given 80

    def run(*words: str) -> list[str]:
        result = CliRunner().invoke(main, words, prog_name="hpo")
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    run("create", "--study", "ours", "--config", "demo")
    return run


def storage(url: str) -> optuna.storages.RDBStorage:
    return optuna.storages.RDBStorage(StorageURL.parse(url).sqlalchemy)


def test_studies_of_others_are_listed_beside_ours(hpo, database_url: str) -> None:
    optuna.create_study(study_name="a plain one", storage=storage(database_url))
    newer = optuna.create_study(study_name="newer", storage=storage(database_url))
    newer.set_user_attr(FORMAT_KEY, 99)
    newer.set_user_attr("hpo:config", {})
    _, plain, newest, ours = hpo("studies")
    assert plain.split() == ["a", "plain", "one", "-", "-", "not", "made", "by", "hpo"]
    assert newest.endswith("of another version of hpo")
    assert ours.split() == ["ours", "0/12", "0", "-"]


def test_trials_of_other_programs_do_not_count_to_the_budget(hpo, database_url: str) -> None:
    study = optuna.load_study(study_name="ours", storage=storage(database_url))
    study.add_trial(create_trial(value=0.25))
    study.ask()
    assert hpo("studies")[1].split() == ["ours", "0/12", "1", "-"]


def test_lines_that_no_terminal_shows_are_not_folded(hpo, database_url: str, tmp_path) -> None:
    with connect(StorageURL.parse(database_url)) as database:
        study = small_search(database, tmp_path).study
    for _ in range(4):
        study.add_trial(
            create_trial(
                state=optuna.trial.TrialState.FAIL,
                user_attrs={
                    "hpo:error": "a reason that is longer than eighty letters, " * 3,
                },
            )
        )
    lines = hpo("status", "--study", "s")
    assert lines[1].endswith("4 failed, 0 waiting")
    reason = next(line for line in lines if line.startswith("failed "))
    assert reason.count("eighty letters") == 3
    assert "         and 1 earlier (--json)" in lines
