import threading
import time
import traceback

import optuna
import psycopg
import pytest
import sqlalchemy as sa

from storage.connect import connect
from storage.errors import (
    BadFile,
    Busy,
    NoDatabase,
    NotAllowed,
    StorageError,
    Unreachable,
    WrongPassword,
)
from storage.patience import Patience
from storage.url import StorageURL

RIGHT = "s3cret%25%40%3A%2F%20%ED%95%9C%EA%B8%80"  # the password of conftest's role, quoted
WRONG = "hunter22"
PROCESSES = 12


def said(text, **options):
    """The one line that opening the database fails with."""
    with pytest.raises(StorageError) as caught:
        connect(StorageURL.parse(text), **options)
    everything = "".join(traceback.format_exception(caught.value))
    assert WRONG not in everything
    assert "한글" not in everything
    assert "\n" not in str(caught.value)
    return caught.type, str(caught.value)


def test_first_start_makes_all_tables_and_later_ones_find_them(url):
    with connect(url) as first:
        optuna.create_study(storage=first.storage, study_name="한글 'study'")
    with connect(url, create=False) as second:
        assert optuna.get_all_study_names(second.storage) == ["한글 'study'"]
        tables = set(sa.inspect(second.engine).get_table_names())
    assert {"studies", "trials", "hpo_leases", "hpo_workers", "hpo_schema"} <= tables


@pytest.mark.usefixtures("tables")
def test_a_start_and_its_first_reads_share_one_connection(url, monkeypatch):
    made = []
    new_connection = sa.pool.Pool._create_connection
    monkeypatch.setattr(
        sa.pool.Pool, "_create_connection", lambda pool: made.append(pool) or new_connection(pool)
    )
    with connect(url, create=False) as database:
        database.now()
        optuna.get_all_study_names(database.storage)
    assert len(made) == (1 if url.path is None else 2)  # SQLite's begin differs, so a pool each


def test_processes_meeting_on_an_empty_database_make_tables_and_study_once(url, together):
    outcome = together(PROCESSES, "open", url.sqlalchemy)
    assert sorted(outcome.results) == ["found"] * (PROCESSES - 1) + ["made"]


def test_existing_optuna_database_gets_our_tables_and_keeps_its_studies(url):
    storage = optuna.storages.RDBStorage(url.sqlalchemy)
    optuna.create_study(storage=storage, study_name="older")
    storage.engine.dispose()
    with connect(url) as database:
        assert optuna.get_all_study_names(database.storage) == ["older"]


def test_interrupted_creation_is_completed_by_the_next_start(url):
    connect(url).close()
    with connect(url) as database, database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM hpo_schema")
        connection.exec_driver_sql("DROP TABLE hpo_workers")
    with connect(url) as database:
        assert "hpo_workers" in sa.inspect(database.engine).get_table_names()


def test_reading_commands_make_nothing_where_nothing_is(url):
    kind, text = said(url.sqlalchemy, create=False)
    assert kind is NoDatabase
    assert "hpo create" in text
    if url.path:
        assert not url.path.exists()


def test_lock_lets_one_process_in_at_a_time(url, together, tmp_path):
    counter = tmp_path / "number"
    counter.write_text("0")
    connect(url).close()
    outcome = together(3, "lock", url.sqlalchemy, "study 한글/../x", counter)
    assert outcome.results == ["counted"] * 3
    assert counter.read_text() == "30"


def test_lock_file_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "hpo.db.lock").mkdir()
    kind, text = said(f"sqlite:///{tmp_path}/hpo.db")
    assert kind is NotAllowed
    assert "write access" in text


def test_lock_is_free_again_after_an_error(database):
    with pytest.raises(ZeroDivisionError), database.lock("a"):
        raise ZeroDivisionError
    with database.lock("a"):
        pass


def test_clock_is_the_databases_in_epoch_seconds(database):
    assert database.now() == pytest.approx(time.time(), abs=2)  # the server speaks Korean time


def test_trial_times_are_right_whatever_zone_the_server_has(study):
    trial = study.ask()
    assert trial.datetime_start.timestamp() == pytest.approx(time.time(), abs=5)


def test_errors_inside_a_transaction_undo_it(database, study):
    def fail():
        with database.writing() as connection:
            connection.exec_driver_sql("DELETE FROM studies")
            connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(StorageError):
        fail()
    assert optuna.get_all_study_names(database.storage) == [study.study_name]


def test_neither_database_nor_engine_shows_the_password(asked):
    with connect(StorageURL.parse(asked(RIGHT))) as database:
        assert "s3cret" not in f"{database!r} {database.engine!r} {database.storage!r}"


def test_password_with_every_awkward_letter_opens_the_database(asked):
    connect(StorageURL.parse(asked(RIGHT))).close()


def test_password_may_come_from_the_environment_or_pgpass(asked, monkeypatch, tmp_path):
    bare = asked("").replace(":@", "@")
    monkeypatch.setenv("PGPASSWORD", "s3cret%@:/ 한글")
    connect(StorageURL.parse(bare)).close()
    monkeypatch.delenv("PGPASSWORD")
    pgpass = tmp_path / "pgpass"
    pgpass.write_text("*:*:*:asked:s3cret%@\\:/ 한글\n")
    pgpass.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(pgpass))
    connect(StorageURL.parse(bare)).close()


def test_wrong_password_is_one_line(asked):
    kind, text = said(asked(WRONG))
    assert kind is WrongPassword
    assert "PGPASSWORD" in text


def test_missing_password_is_one_line(asked):
    kind, text = said(asked("").replace(":@", "@"))
    assert kind is WrongPassword
    assert "PGPASSWORD" in text


def test_unknown_database_is_one_line(postgres_url):
    kind, text = said(postgres_url.replace("/test_", "/no_such_"))
    assert kind is NoDatabase
    assert "createdb" in text


def test_closed_port_is_one_line():
    kind, text = said(f"postgresql://u:{WRONG}@127.0.0.1:9/d")
    assert kind is Unreachable
    assert "check that it runs" in text


def test_missing_socket_folder_is_one_line(tmp_path):
    kind, _ = said(f"postgresql:///d?host={tmp_path}")
    assert kind is Unreachable


def test_silent_server_is_given_up_after_the_timeout(silent_port):
    before = time.monotonic()
    kind, _ = said(f"postgresql://u:{WRONG}@127.0.0.1:{silent_port}/d?connect_timeout=2")
    assert kind is Unreachable
    assert time.monotonic() - before < 8


def test_connections_say_utc_and_who_they_are(postgres_url):
    with connect(StorageURL.parse(postgres_url)) as database, database.reading() as connection:
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "hpo"


def test_options_in_the_url_are_kept_beside_utc(postgres_url):
    text = f"{postgres_url}&options=-c%20search_path%3Dpublic%20-c%20statement_timeout%3D5s"
    with connect(StorageURL.parse(text)) as database, database.reading() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "5s"
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_connections_killed_by_the_server_are_replaced_before_use(postgres_url):
    with connect(StorageURL.parse(postgres_url)) as database:
        database.now()
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute(  # and wait for their end
                "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert database.now() > 0


def test_a_connection_is_asked_whether_it_lives_only_after_it_was_idle(postgres_url, monkeypatch):
    asked, real = [], psycopg.Cursor.execute

    def execute(cursor, query, *rest, **options):
        asked.append(query)
        return real(cursor, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", execute)
    with connect(StorageURL.parse(postgres_url)) as database:
        database.now()
        asked.clear()
        database.now()
        assert asked
        assert "SELECT 1" not in asked
        monkeypatch.setattr("storage.engines.IDLE_S", 0.0)
        database.now()
        assert "SELECT 1" in asked


def test_connection_lost_in_a_transaction_is_unreachable(postgres_url):
    def lose(database):
        with database.writing() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 30000)", (pid,))  # waits for its end
            connection.exec_driver_sql("SELECT 1")

    with connect(StorageURL.parse(postgres_url)) as database, pytest.raises(Unreachable):
        lose(database)


def test_who_may_do_without_a_lock_goes_on_when_it_is_held_too_long(url, monkeypatch, caplog):
    monkeypatch.setattr("storage.connect.LOCK_TIMEOUT_S", 0.3)
    with connect(url) as one, connect(url) as two, one.turn("a"), two.turn("a"):
        assert two.now() > 0
    assert "keeps the lock 'a'" in caplog.text


def test_a_stop_ends_the_wait_for_a_lock(url, monkeypatch):
    asked = threading.Event()
    patience = Patience(outage_s=60.0, give_up=asked.is_set)
    monkeypatch.setattr("storage.connect.LOCK_TRY_S", 0.1)
    monkeypatch.setattr("storage.connect.LOCK_TIMEOUT_S", 1000.0)
    with connect(url) as one, connect(url, patience=patience) as two, one.lock("a"):
        asked.set()
        with two.turn("a"):
            pass


def test_lock_held_too_long_is_busy(url, monkeypatch):
    def wait_for_it(database):
        with database.lock("a"):
            pass

    monkeypatch.setattr("storage.connect.LOCK_TIMEOUT_S", 0.3)
    with connect(url) as one, connect(url) as two, one.lock("a"), pytest.raises(Busy):
        wait_for_it(two)


@pytest.mark.parametrize(
    ("path", "kind", "advice"),
    [
        ("nowhere/hpo.db", BadFile, "create that folder"),
        ("", BadFile, "name a file in it"),
        ("text.txt", BadFile, "not a SQLite database"),
    ],
)
def test_unusable_sqlite_path_is_one_line(tmp_path, path, kind, advice):
    (tmp_path / "text.txt").write_text("this is no database at all, however long it may be" * 50)
    caught, text = said(f"sqlite:///{tmp_path / path}")
    assert caught is kind
    assert advice in text


def test_sqlite_of_another_program_is_left_alone_but_usable(tmp_path):
    """A file with other tables gets ours beside them."""
    path = tmp_path / "other.db"
    other = sa.create_engine(f"sqlite:///{path}")
    with other.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (x)")
    with connect(StorageURL.parse(f"sqlite:///{path}")) as database:
        assert "mine" in sa.inspect(database.engine).get_table_names()
    other.dispose()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "UTF8"])
def test_korean_survives_in_databases_made_without_a_locale(postgres_server, encoding):
    """As a server started in a bare container has them; libpq would speak the same encoding."""
    name = f"made_as_{encoding.lower()}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(
            f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        )
        url = StorageURL.parse(postgres_server.replace("/postgres?", f"/{name}?"))
        with connect(url) as database:
            study = optuna.create_study(storage=database.storage, study_name="요약")
            study.set_user_attr("말", "안녕")
        with connect(url) as again:
            assert optuna.load_study(storage=again.storage, study_name="요약").user_attrs == {
                "말": "안녕"
            }
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_isolation_is_ours_whatever_the_database_is_set_to(postgres_url):
    """Under another level a worker that waits for the study's lock would fail, not go on."""
    with psycopg.connect(postgres_url, autocommit=True) as server:
        name = server.info.dbname
        server.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    with connect(StorageURL.parse(postgres_url)) as database, database.reading() as connection:
        level = connection.exec_driver_sql("SHOW transaction_isolation").scalar()
    assert level == "read committed"


def test_numbers_arrive_with_all_digits_whatever_the_database_is_set_to(postgres_url):
    """With fewer, leases run out at once and an exported winner does not reach its score."""
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f"ALTER DATABASE {server.info.dbname} SET extra_float_digits = -10")
    exact = 0.0091204025059354551
    with connect(StorageURL.parse(postgres_url)) as database:
        assert database.now() == pytest.approx(time.time(), abs=2)
        study = optuna.create_study(storage=database.storage)
        study.add_trial(optuna.trial.create_trial(value=exact))
        with database.reading() as connection:
            read = connection.execute(sa.text("SELECT value FROM trial_values")).scalar()
    assert read == exact


def test_lock_of_one_name_is_not_held_by_another_on_postgresql(postgres_url):
    url = StorageURL.parse(postgres_url)
    with connect(url) as one, connect(url) as two, one.lock("study a"), two.lock("study b"):
        assert one.now() <= two.now()


def test_failure_of_optuna_under_the_lock_is_one_of_ours(url, database):
    study = optuna.create_study(storage=database.storage)

    def lose():
        with database.lock("a"):
            with database.writing() as connection:
                connection.exec_driver_sql("DROP TABLE trial_heartbeats")
                connection.exec_driver_sql("DROP TABLE trial_intermediate_values")
            study._storage.set_trial_intermediate_value(study.ask()._trial_id, 1, 0.5)

    with pytest.raises(StorageError, match="trial_intermediate_values") as caught:
        lose()
    assert url.masked in str(caught.value)
