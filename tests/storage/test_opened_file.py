"""A SQLite file that is deleted, moved or replaced under those who have it open."""

import os
import shutil

import optuna
import pytest

from storage.connect import connect
from storage.errors import FileGone
from storage.leases import Lease, Leases
from storage.url import StorageURL


@pytest.fixture
def path(ready_file, tmp_path):
    return shutil.copy(ready_file, tmp_path / "hpo.db")


@pytest.fixture
def database(path):
    with connect(StorageURL.parse(f"sqlite:///{path}")) as opened:
        optuna.create_study(storage=opened.storage, study_name="s", direction="maximize")
        opened.now()
        yield opened


def every_use(database):
    leases = Leases(database, 1)
    lease = Lease(1, 0, 1, "w", 1, continued=False)
    return [
        database.now,
        lambda: leases.claim("w", n_trials=9),
        lambda: leases.renew(lease),
        lambda: database.storage.set_study_user_attr(1, "k", 1),
        lambda: database.storage.get_all_trials(1),
    ]


def refused(database, words):
    for use in every_use(database):
        with pytest.raises(FileGone, match=words) as said:
            use()
        assert "\n" not in str(said.value)


def test_nothing_is_done_in_a_file_that_was_deleted_and_no_empty_one_is_made(database, path):
    path.unlink()
    refused(database, "hpo.db was deleted or moved while it was in use")
    assert not path.exists()


def test_a_file_that_was_moved_is_told_with_its_folder(database, path):
    path.parent.rename(path.parent.with_name("elsewhere"))
    refused(database, "was deleted or moved")


def test_nothing_is_written_to_a_backup_that_was_put_in_its_place(database, path, ready_file):
    shutil.copy(ready_file, path.with_name("new"))
    path.with_name("new").rename(path)
    before = path.read_bytes()
    refused(database, "was replaced .* delete .*hpo.db-wal and .*hpo.db-shm")
    database.close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("ending", ["-wal", "-shm"])
def test_what_lies_beside_it_belongs_to_it(database, path, ending):
    path.with_name(path.name + ending).unlink()
    refused(database, f"hpo.db{ending} was deleted or replaced")


def test_once_gone_it_stays_so_though_the_file_comes_back(database, path):
    away = path.rename(path.with_name("away"))
    with pytest.raises(FileGone):
        database.now()
    away.rename(path)
    with pytest.raises(FileGone):
        database.now()


def test_what_sqlite_itself_takes_away_is_no_loss(database, path):
    for engine in (database.engine, database.storage.engine):
        engine.dispose()  # the last connections
    assert not path.with_name("hpo.db-wal").exists()
    assert database.now() > 0
    assert database.study_names() == ["s"]


def test_a_relative_path_means_the_folder_in_which_it_was_given(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    with connect(StorageURL.parse("sqlite:///hpo.db")) as database:
        os.chdir("/")
        assert database.now() > 0
        assert optuna.create_study(storage=database.storage).get_trials() == []
