"""Behind a real PgBouncer, where the next transaction may meet another server connection."""

import contextlib
import socket
import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pgbouncer
import pytest

from benchmarks.storage.bouncer import Pool, behind
from benchmarks.storage.bouncer import pgbouncer as running
from benchmarks.storage.server import Server
from storage.connect import connect
from storage.errors import BadURL
from storage.url import StorageURL


@pytest.fixture(scope="module")
def there():
    reason = pgbouncer.missing()
    if reason is not None:
        pytest.skip(reason)


@pytest.fixture
def pooled(there, postgres_server, postgres_url):
    """Give a function that runs PgBouncer before this test's database, and its URL there."""
    folder = Path(parse_qs(urlsplit(postgres_url).query)["host"][0])
    database = urlsplit(postgres_url).path.strip("/")
    server, opened = Server(postgres_server, folder), []

    def start(mode, size):
        connect(StorageURL.parse(postgres_url)).close()  # to make tables takes three connections
        opened.append(running(server, Pool(mode, size)))
        return StorageURL.parse(behind(opened[-1].__enter__(), database))

    yield start
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def pooler_that_keeps_only_the_zone(postgres_url, tmp_path):
    """The URL of a socket before the server that refuses any other start-up option by its name."""
    parts = urlsplit(postgres_url)
    server = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
    said = b"SFATAL\0C08P01\0Munsupported startup parameter in options: extra_float_digits\0\0"

    class Pooler(socketserver.BaseRequestHandler):
        def handle(self):
            asked = self.request.recv(65536)
            if b"extra_float_digits" in asked:
                self.request.sendall(b"E" + (len(said) + 4).to_bytes(4, "big") + said)
                return
            with socket.socket(socket.AF_UNIX) as behind:
                behind.connect(server)
                behind.sendall(asked)
                threading.Thread(target=pass_on, args=[behind, self.request], daemon=True).start()
                pass_on(self.request, behind)

    with socketserver.ThreadingUnixStreamServer(f"{tmp_path}/.s.PGSQL.5432", Pooler) as listener:
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield StorageURL.parse(f"postgresql://postgres@{parts.path}?host={tmp_path}")
        listener.shutdown()


def pass_on(source, target):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)


def test_workers_that_wait_for_a_lock_leave_its_holder_a_connection(pooled):
    """Each waited in a connection of its own once: two of them held up the one that had it."""
    url = pooled("transaction", 2)

    def register(_):
        with connect(url) as database, database.lock("register"):
            return database.now()

    with ThreadPoolExecutor(6) as pool:
        assert len(list(pool.map(register, range(6)))) == 6


def test_every_transaction_speaks_utc_also_where_options_are_refused(pooled):
    with connect(pooled("transaction", 2)) as database:
        for _ in range(3):
            with database.writing() as connection:
                assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"
                connection.exec_driver_sql("SET LOCAL TIME ZONE 'Asia/Seoul'")


def test_options_that_a_newer_pooler_does_not_keep_are_left_out(pooler_that_keeps_only_the_zone):
    """As PgBouncer from 1.20 on, which Debian does not have yet."""
    with connect(pooler_that_keeps_only_the_zone) as database, database.reading() as connection:
        assert connection.exec_driver_sql("SHOW timezone").scalar() == "UTC"


def test_statement_pooling_is_refused_with_what_to_set(pooled):
    with pytest.raises(BadURL, match="pool_mode = transaction"):
        connect(pooled("statement", 2))
