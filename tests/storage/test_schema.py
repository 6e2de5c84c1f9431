import optuna
import pytest
import sqlalchemy as sa

from storage.connect import connect
from storage.engines import make_engine
from storage.errors import NoDatabase, WrongSchema
from storage.schema import OPTUNA_REVISION
from storage.tables import LEASES, VERSION
from storage.url import StorageURL


def change(url, *statements):
    with connect(url) as database, database.writing() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def contents(url):
    """All tables with their rows, as a program sees them that checks nothing."""
    engine = make_engine(url)
    with engine.connect() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        rows = {name: connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in names}
    engine.dispose()
    return rows


@pytest.fixture
def made(url, tables):
    """A database that this version made."""
    return url


@pytest.mark.parametrize("version", [0, 99])
def test_hpo_tables_of_another_version_are_refused_with_both_versions(made, version):
    change(made, f"UPDATE hpo_schema SET version = {version}")
    with pytest.raises(WrongSchema) as caught:
        connect(made)
    assert f"version {version}, this hpo needs {VERSION}; use the hpo that made" in str(
        caught.value
    )


@pytest.mark.parametrize("revision", ["v2.6.0.a", "v9.0.0.a"])
def test_optuna_tables_of_another_revision_are_refused_with_both(made, revision):
    change(made, f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(WrongSchema) as caught:
        connect(made)
    assert f"revision {revision}, Optuna {optuna.__version__}" in str(caught.value)
    assert f"needs {OPTUNA_REVISION}; use another database, or upgrade" in str(caught.value)


def test_advised_upgrade_makes_an_older_database_usable(made):
    change(made, "UPDATE alembic_version SET version_num = 'v3.0.0.d'")
    with pytest.raises(WrongSchema, match=r"with optuna storage upgrade"):
        connect(made)
    optuna.storages.RDBStorage(made.sqlalchemy, skip_compatibility_check=True).upgrade()
    connect(made).close()


def test_tables_from_before_optuna_had_revisions_are_refused(url):
    optuna.storages.RDBStorage(url.sqlalchemy).engine.dispose()
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql("UPDATE version_info SET schema_version = 1")
    engine.dispose()
    for _ in range(2):
        with pytest.raises(WrongSchema, match=r"revision v0\.9\.0\.a"):
            connect(url)


@pytest.mark.parametrize("create", [True, False])
def test_refused_database_is_not_changed(made, create):
    change(made, "DROP TABLE hpo_workers", "UPDATE hpo_schema SET version = 99")
    before = contents(made)
    with pytest.raises(WrongSchema):
        connect(made, create=create)
    assert contents(made) == before


def test_database_that_is_opened_again_is_not_written_to(made):
    before = contents(made)
    connect(made).close()
    assert contents(made) == before


@pytest.mark.parametrize(
    "lost",
    [
        ["DELETE FROM hpo_schema"],
        ["DELETE FROM hpo_schema", "DROP TABLE hpo_leases"],
        ["DROP TABLE hpo_schema"],
        ["DROP TABLE hpo_schema", "DELETE FROM alembic_version"],
        ["DROP TABLE hpo_schema", "DELETE FROM alembic_version", "DELETE FROM version_info"],
        ["DROP TABLE hpo_schema", "DROP TABLE alembic_version", "DROP TABLE trial_values"],
    ],
)
def test_creation_that_was_cut_off_is_made_whole(made, lost):
    whole = contents(made)
    change(made, *lost)
    with pytest.raises(NoDatabase, match="hpo create"):
        connect(made, create=False)
    connect(made).close()
    assert contents(made) == whole


def test_rows_of_a_deleted_study_go_with_it_on_both_databases(database, study_id):
    with database.writing() as connection:
        lease = {"slot": 0, "started": False, "worker": "w", "attempt": 1, "expires_at": 1}
        connection.execute(LEASES.insert().values(study_id=study_id, done=False, **lease))
    optuna.delete_study(study_name="s", storage=database.storage)
    assert contents(database.url)["hpo_leases"] == []


def test_our_sql_was_written_for_the_revision_that_optuna_makes(tmp_path):
    """If this fails, Optuna has changed its tables: read lease_rows.py against them."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/x.db")
    assert storage.get_head_version() == OPTUNA_REVISION
    storage.engine.dispose()


def test_braces_in_a_url_are_not_taken_for_optunas_template(tmp_path):
    folder = tmp_path / "{SCHEMA_VERSION} {x"
    folder.mkdir()
    url = StorageURL.parse(f"sqlite:///{folder}/hpo.db")
    connect(url).close()
    assert (folder / "hpo.db").exists()
