"""`hpo best` where the winner is not the study's own, and where a better value was only told."""

from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner
from optuna.trial import create_trial
from small_search import LR, Search, small_search
from trained_trial import tell_trained, trained_trial

from hpo.cli import main
from hpo.suggest import distributions
from storage.connect import Database

COPIED = "was trained in another study and copied here"


@pytest.fixture
def search(database: Database, tmp_path: Path) -> Search:
    return small_search(database, tmp_path)


def best(search: Search, *words: str) -> str:
    """What `hpo best` says."""
    environ = {"HPO_STORAGE": search.database.url.sqlalchemy}
    return CliRunner().invoke(main, ("best", *words), env=environ, prog_name="hpo").output


def test_a_winner_that_the_study_trained_is_shown_alone(search: Search) -> None:
    tell_trained(search.study, search.trial(search.claim("w1")), 0.4)
    assert best(search).splitlines() == [
        "best of 's': trial 0, rouge_combined_f1 0.4000 at epoch 1"
    ]


def test_a_winner_that_came_with_a_copy_says_where_its_score_holds(search: Search) -> None:
    tell_trained(search.study, search.trial(search.claim("w1")), 0.4)
    storage = search.database.storage
    optuna.copy_study(
        from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="copy"
    )
    assert f"trial 0 {COPIED}" in best(search, "--study", "copy")
    assert COPIED not in best(search, "--study", "s")


def test_a_better_value_that_was_told_stands_beside_the_winner(search: Search) -> None:
    space = distributions(search.config.optuna.search_space)
    for made, value in ((trained_trial, 0.4), (create_trial, 0.9)):
        search.study.add_trial(made(value=value, params={LR: 2e-4}, distributions=space))
    assert "best of 's': trial 0" in best(search)
    assert "trial 1 (0.9000) was told by another program and can't win" in best(search)
    assert '"better_told": {\n    "trial": 1,' in best(search, "--json")


def test_what_was_told_alone_is_no_winner(search: Search) -> None:
    search.study.add_trial(create_trial(value=0.9))
    (line,) = best(search).splitlines()
    assert line.startswith("Error: study 's' has no completed trial that hpo trained; trial 0 (")
