"""What a command was pointed at: its storage, and the study in it."""

from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa

from hpo.errors import HpoError
from hpo.opening import choose_study, open_database
from storage.connect import Database
from storage.errors import BadURL, NoDatabase, StorageError


def add_study(database: Database, name: str) -> None:
    optuna.create_study(storage=database.storage, study_name=name)


def test_the_study_asked_for_is_taken_whether_it_exists_or_not(database: Database) -> None:
    assert choose_study(database, "any") == "any"


def test_the_only_study_need_not_be_named(database: Database) -> None:
    add_study(database, "kobart")
    assert choose_study(database, None) == "kobart"


def test_one_of_several_must_be_named(database: Database) -> None:
    for name in ("b", "a"):
        add_study(database, name)
    with pytest.raises(HpoError, match=r"--study: a, b$"):
        choose_study(database, None)


def test_without_a_study_the_first_command_is_shown(database: Database) -> None:
    with pytest.raises(HpoError, match=r"no study in .* yet; start one: hpo worker --study demo"):
        choose_study(database, None)


def test_a_database_is_made_only_by_those_who_may(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(NoDatabase), open_database(url):
        pass
    assert not (tmp_path / "new.db").exists()
    with open_database(url, create=True) as database:
        add_study(database, "s")
    with open_database(url) as database:
        assert choose_study(database, None) == "s"


def test_a_wrong_url_is_refused() -> None:
    with pytest.raises(BadURL, match="mysql"), open_database("mysql://u:p@h/d"):
        pass


@pytest.mark.parametrize(
    "error",
    [
        sa.exc.OperationalError("SELECT 1", {}, Exception("database is locked")),
        optuna.exceptions.StorageInternalError("database is locked"),
    ],
    ids=["ours", "optuna's"],
)
def test_every_database_error_inside_is_one_of_the_packages(
    tmp_path: Path, error: Exception
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(StorageError, match="stayed locked"), open_database(url, create=True):
        raise error


def test_other_errors_pass_through(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    with pytest.raises(ValueError, match="mine"), open_database(url, create=True):
        raise ValueError("mine")
