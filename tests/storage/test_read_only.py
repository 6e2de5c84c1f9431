import optuna
import pytest
import sqlalchemy as sa

from storage.connect import connect
from storage.errors import StorageError
from storage.read_only import refuse_writes
from storage.url import StorageURL


@pytest.fixture
def database(database_url):
    with connect(StorageURL.parse(database_url)) as opened:
        optuna.create_study(storage=opened.storage, study_name="kept").ask()
        yield opened


def test_the_database_itself_refuses_every_write_and_still_reads(database):
    refuse_writes(database)
    study = optuna.load_study(study_name="kept", storage=database.storage)
    assert len(study.trials) == 1
    assert database.now() > 0
    for write in (
        lambda: study.set_user_attr("a", 1),
        study.ask,
        lambda: study.tell(0, 1.0),
        lambda: optuna.create_study(storage=database.storage, study_name="new"),
        lambda: optuna.delete_study(study_name="kept", storage=database.storage),
    ):
        with pytest.raises((StorageError, sa.exc.DBAPIError)):
            write()
    assert [trial.state.name for trial in study.get_trials()] == ["RUNNING"]
    assert optuna.get_all_study_names(database.storage) == ["kept"]


def test_another_process_still_writes(database, database_url):
    refuse_writes(database)
    with connect(StorageURL.parse(database_url)) as other:
        optuna.load_study(study_name="kept", storage=other.storage).set_user_attr("a", 1)
    study = optuna.load_study(study_name="kept", storage=database.storage)
    assert study.user_attrs == {"a": 1}
