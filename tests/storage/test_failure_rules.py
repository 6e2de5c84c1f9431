"""Every rule is tried on the real thing where one can be had; the driver's words are not ours."""

import contextlib
import shutil
import socket
import sqlite3
import threading

import optuna
import psycopg
import pytest
import sqlalchemy as sa

from storage.connect import connect
from storage.engines import make_engine
from storage.errors import (
    BadFile,
    BadURL,
    Busy,
    NoDatabase,
    NotAllowed,
    ReadOnly,
    ServerFailed,
    StorageError,
    Unreachable,
    WrongPassword,
)
from storage.failure_rules import POSTGRESQL, SQLITE
from storage.failures import explain, translated
from storage.leases import Leases
from storage.url import StorageURL


def failing(act, *arguments):
    """The kind and the one line of the StorageError that something ends in."""
    with pytest.raises(StorageError) as caught:
        act(*arguments)
    assert "\n" not in str(caught.value)
    return caught.type, str(caught.value)


def write(database, statement):
    with database.writing() as connection:
        connection.exec_driver_sql(statement)


def sleep_under(database, limit):
    with database.writing() as connection:
        connection.exec_driver_sql(f"SET LOCAL {limit} = '300ms'")
        connection.exec_driver_sql("SELECT pg_sleep(9)")


@contextlib.contextmanager
def answering(words):
    """A port where every connection gets the same answer and is closed."""

    def answer(listener):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                peer.recv(99)
                peer.sendall(words)
                peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=[listener], daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


class TestSQLite:
    """What a real file answers."""

    @pytest.fixture
    def file(self, tmp_path, ready_file):
        return shutil.copy(ready_file, tmp_path / "hpo.db")

    @pytest.fixture
    def url(self, file):
        return StorageURL.parse(f"sqlite:///{file}")

    def test_folder_that_went_away_is_named(self, tmp_path):
        url = StorageURL.parse(f"sqlite:///{tmp_path}/gone/hpo.db")

        def use():
            with translated(url), make_engine(url).connect():
                pass

        kind, line = failing(use)
        assert kind is BadFile
        assert f"{tmp_path}/gone/hpo.db: the folder must exist" in line

    def test_damaged_file_is_said_to_be_damaged(self, url, file):
        pages = bytearray(file.read_bytes())
        pages[4096:] = b"\xff" * (len(pages) - 4096)  # the header stays right
        file.write_bytes(pages)
        kind, line = failing(connect, url)
        assert kind is BadFile
        assert "damaged" in line

    def test_file_of_another_kind_is_no_database(self, url, file):
        file.write_text("trial,value\n" * 1000)
        kind, line = failing(connect, url)
        assert kind is BadFile
        assert "not a SQLite database" in line

    def test_full_disk_is_said(self, url):
        def fill(database):
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA max_page_count = 1")
                connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(9999999) AS x")

        with connect(url) as database:
            kind, line = failing(fill, database)
        assert kind is BadFile
        assert "full" in line

    def test_file_without_write_access_is_told_so(self, url):
        def fail(database):
            with database.writing() as connection:
                connection.exec_driver_sql("PRAGMA query_only = 1")
                connection.exec_driver_sql("DELETE FROM hpo_leases")

        with connect(url) as database:
            kind, line = failing(fail, database)
        assert kind is NotAllowed
        assert "write access" in line


class TestRefusals:
    """What PostgreSQL says to a user whom it does not let in, or not this far."""

    @pytest.mark.parametrize(
        ("role", "kind", "advice"),
        [
            ("barred", WrongPassword, "refused user barred"),
            ("closed", WrongPassword, "refused user closed"),
            ("nobody_known", WrongPassword, "refused user nobody_known"),
            ("crowded", Unreachable, "CONNECTION LIMIT"),
            ("stranger", NotAllowed, "GRANT USAGE, CREATE ON SCHEMA public"),
        ],
    )
    def test_role_is_told_what_is_missing(self, as_role, role, kind, advice):
        caught, line = failing(connect, as_role(role))
        assert caught is kind
        assert advice in line

    def test_user_without_the_right_to_connect_is_told_the_grant(self, as_role, admin):
        admin.execute(f'REVOKE CONNECT ON DATABASE "{admin.info.dbname}" FROM PUBLIC')
        kind, line = failing(connect, as_role("stranger"))
        assert kind is NotAllowed
        assert "GRANT CONNECT ON DATABASE to user stranger" in line

    def test_advised_grants_are_enough_for_a_worker_of_another_role(
        self, as_role, admin, postgres_url
    ):
        with connect(StorageURL.parse(postgres_url)) as database:
            study = optuna.create_study(storage=database.storage, study_name="s")
        kind, line = failing(connect, as_role("stranger"))
        assert kind is NotAllowed
        for grant in ("GRANT ALL ON ALL TABLES", "GRANT ALL ON ALL SEQUENCES"):
            assert f"{grant} IN SCHEMA public" in line
            admin.execute(f"{grant} IN SCHEMA public TO stranger")
        with connect(as_role("stranger")) as database:
            leases = Leases(database, study._study_id)
            lease = leases.start(leases.claim("w", n_trials=1))
            study = optuna.load_study(storage=database.storage, study_name="s")
            study.tell(optuna.trial.Trial(study, lease.trial_id), 0.5)
            assert leases.done(lease)

    @pytest.mark.parametrize("made", [False, True])
    def test_the_grant_that_is_missing_names_the_schema_that_the_url_asks_for(
        self, admin, as_role, made
    ):
        if made:
            admin.execute("CREATE SCHEMA team")
            admin.execute("GRANT USAGE ON SCHEMA team TO stranger")
        asked = f"{as_role('stranger').sqlalchemy}&options=-csearch_path%3Dteam"
        kind, line = failing(connect, StorageURL.parse(asked))
        assert kind is NotAllowed
        assert "GRANT USAGE, CREATE ON SCHEMA team TO this user" in line
        assert ("create schema team" in line) is not made

    def test_server_that_only_lets_read_is_told_from_a_missing_right(self, postgres_url):
        connect(StorageURL.parse(postgres_url)).close()
        copy = f"{postgres_url}&options=-c%20default_transaction_read_only%3Don"
        with connect(StorageURL.parse(copy)) as database:
            kind, line = failing(write, database, "DELETE FROM hpo_leases")
        assert kind is ReadOnly
        assert "primary" in line


class TestBadOptions:
    """Connection options in the URL that libpq, psycopg or the server cannot use."""

    @pytest.mark.parametrize(
        "option",
        [
            "sslmoed=require",
            "sslmode=yes",
            "connect_timeout=soon",
            "target_session_attrs=any-of-them",
            "port=abc",
            "client_encoding=klingon",
            "options=-c%20no_such_setting%3D1",
            "options=-c%20work_mem%3Dmuch",
            "options=-c%20work_mem",
        ],
    )
    def test_option_is_named_in_a_line_about_the_url(self, postgres_url, option):
        kind, line = failing(connect, StorageURL.parse(f"{postgres_url}&{option}"))
        assert kind is BadURL
        assert "cannot be used" in line

    def test_a_service_that_no_file_defines_is_a_matter_of_the_url(self):
        kind, line = failing(connect, StorageURL.parse("postgresql://?service=no_such"))
        assert kind is BadURL
        assert "no_such" in line

    def test_a_server_without_the_tls_that_is_asked_for_says_what_to_set(self):
        with answering(b"N") as port:
            asked = f"postgresql://u:p@127.0.0.1:{port}/d?sslmode=require"
            kind, line = failing(connect, StorageURL.parse(asked))
        assert kind is Unreachable
        assert "does not support SSL" in line
        assert "set sslmode" in line

    def test_another_program_on_the_port_is_no_matter_of_the_url(self):
        with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
            kind, _ = failing(connect, StorageURL.parse(f"postgresql://u:p@127.0.0.1:{port}/d"))
        assert kind is Unreachable


class TestRunningServer:
    """What goes wrong once the connection stands."""

    @pytest.fixture
    def options(self):
        return ""

    @pytest.fixture
    def database(self, postgres_url, options):
        with connect(StorageURL.parse(f"{postgres_url}&options={options}")) as opened:
            yield opened

    def test_statement_that_takes_too_long_is_busy(self, database):
        kind, _ = failing(sleep_under, database, "statement_timeout")
        assert kind is Busy

    def test_transaction_that_the_server_gave_up_is_a_lost_connection(self, database, admin):
        def sleep():
            with database.writing() as connection:
                setting = "SET LOCAL idle_in_transaction_session_timeout = '50ms'"
                connection.exec_driver_sql(setting)
                pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
                alive = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
                while admin.execute(alive, [pid]).fetchone()[0]:
                    pass
                connection.exec_driver_sql("SELECT 1")

        kind, _ = failing(sleep)
        assert kind is Unreachable

    def test_transaction_that_takes_too_long_is_a_lost_connection(self, database):
        kind, _ = failing(sleep_under, database, "transaction_timeout")
        assert kind is Unreachable

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("08006", Unreachable),
            ("25P03", Unreachable),
            ("25P04", Unreachable),
            *((f"57P0{number}", Unreachable) for number in range(1, 6)),
            ("53000", ServerFailed),
            ("53100", ServerFailed),
            ("53200", ServerFailed),
            ("53300", ServerFailed),
            ("53400", ServerFailed),
            ("58000", ServerFailed),
            ("58030", ServerFailed),
            ("58P01", ServerFailed),
            ("25006", ReadOnly),
        ],
    )
    def test_code_of_a_servers_trouble_is_told_from_the_trials(self, database, code, kind):
        raised = f"DO $$ BEGIN RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END $$"
        assert failing(write, database, raised)[0] is kind

    @pytest.mark.parametrize("options", ["-c%20deadlock_timeout%3D50ms"])
    def test_one_of_two_that_wait_for_each_other_is_busy(self, database):
        """As Optuna's deletion of a study may meet with a worker's claim."""
        write(database, "CREATE TABLE rows AS SELECT generate_series(1, 2) AS x")
        both = threading.Barrier(2)
        errors = []

        def update(first, second):
            try:
                with database.writing() as connection:
                    connection.exec_driver_sql(f"UPDATE rows SET x = x WHERE x = {first}")
                    both.wait()
                    connection.exec_driver_sql(f"UPDATE rows SET x = x WHERE x = {second}")
            except StorageError as error:
                errors.append(error)

        threads = [threading.Thread(target=update, args=pair) for pair in ((1, 2), (2, 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(error) for error in errors] == [Busy]

    def test_no_free_connection_in_this_process_is_busy(self, postgres_url):
        url = StorageURL.parse(postgres_url)
        engine = sa.create_engine(url.sqlalchemy, pool_size=1, max_overflow=0, pool_timeout=0.05)

        def take_two():
            with translated(url), engine.connect(), engine.connect():
                pass

        kind, line = failing(take_two)
        engine.dispose()
        assert kind is Busy
        assert "in this process" in line

    def test_korean_in_a_latin_database_says_how_to_make_a_right_one(self, admin, postgres_url):
        admin.execute("CREATE DATABASE latin ENCODING latin1 LOCALE 'C' TEMPLATE template0")
        latin = StorageURL.parse(postgres_url.replace(f"/{admin.info.dbname}?", "/latin?"))
        with connect(latin) as database:

            def name_it():
                with translated(latin):
                    optuna.create_study(storage=database.storage, study_name="한글")

            _, line = failing(name_it)
        admin.execute("DROP DATABASE latin WITH (FORCE)")
        assert "--encoding UTF8" in line


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("failed: Connection refused\n\tIs the server running on that host?", Unreachable),
        ('could not translate host name "h" to address: Name not known', Unreachable),
        ("FATAL:  sorry, too many clients already", Unreachable),
        ("FATAL:  remaining connection slots are reserved for superusers", Unreachable),
        ("FATAL:  the database system is starting up", Unreachable),
        ("server closed the connection unexpectedly", Unreachable),
        ("session is read-only", ReadOnly),
        ("server is in hot standby mode", ReadOnly),
        ("FATAL:  unsupported startup parameter: options", BadURL),
        ('FATAL:  Peer authentication failed for user "ann"', WrongPassword),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "ann"', WrongPassword),
        ("could not connect: Permission denied", Unreachable),
        ('FATAL:  database "role" does not exist', NoDatabase),
        ('FATAL:  role "database" does not exist', WrongPassword),
        ('치명적오류:  사용자 "ann"의 password 인증을 실패했습니다', WrongPassword),
        ('치명적오류:  "ann" 롤(role) 없음', WrongPassword),
        ('치명적오류:  "ann" 롤은 접속을 허용하지 않음', WrongPassword),
        ('치명적오류:  "d" 데이터베이스 없음', NoDatabase),
        ('치명적오류:  "d" 데이터베이스 액세스 권한 없음', NotAllowed),
        ("치명적오류:  최대 동시 접속자 수를 초과했습니다.", Unreachable),
        ('definition of service "team" not found', BadURL),
        ('server certificate for "db" does not match host name "h"', Unreachable),
    ],
)
def test_what_a_test_cannot_bring_about_is_told_by_its_text(said, kind):
    url = StorageURL.parse("postgresql://ann:hunter22@h/d")
    text = f'connection to server at "h", port 5432 failed: {said}'
    error = explain(sa.exc.DBAPIError("", None, psycopg.OperationalError(text)), url)
    assert type(error) is kind
    assert "\n" not in str(error)
    assert "postgresql://ann:***@h/d" in str(error)


@pytest.mark.parametrize(
    "said", ["no such table: full_moon", "UNIQUE constraint failed: x.fullname"]
)
def test_a_word_inside_a_name_is_not_taken_for_the_failure(said):
    url = StorageURL.parse("sqlite:////data/hpo.db")
    error = explain(sa.exc.DBAPIError("", None, sqlite3.OperationalError(said)), url)
    assert type(error) is StorageError
    assert str(error) == f"sqlite:////data/hpo.db: {said}"


@pytest.mark.parametrize("rule", [*SQLITE, *POSTGRESQL], ids=lambda rule: rule.advice[:40])
def test_advice_of_every_rule_can_be_filled_in(rule):
    line = rule.advice.format(url="URL", path="PATH", user="USER", schema="S", said="SAID")
    assert "URL" in line or "PATH" in line
    assert "{" not in line
