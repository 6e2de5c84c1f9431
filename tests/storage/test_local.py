import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from storage import local
from storage.connect import connect
from storage.errors import LocalServerError

START = """
import sys
from pathlib import Path
from storage import local
local.start(Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def installed() -> Iterator[Path]:
    """A folder in which a process of its own, ended by now, has started a server once."""
    # Not pytest's folder: under root the server's own user could not enter it.
    with tempfile.TemporaryDirectory(prefix="hpo-local-") as path:
        folder = Path(path) / "한글"
        folder.mkdir(mode=0o700)
        subprocess.run([sys.executable, "-c", START, str(folder)], check=True, timeout=60)
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write("\nfsync = off\n")  # from the next start on; tests need no safety
        yield folder
        local.stop(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder in which no server was ever started."""
    return tmp_path / "pg"


def server_pid(folder):
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def wait_until_ended(folder):
    until = time.monotonic() + 20
    while local.running(folder) and time.monotonic() < until:
        time.sleep(0.02)
    assert local.running(folder) is None


class TestServer:
    """Tests of one server; each leaves it running or not, as it likes."""

    def test_server_outlives_its_starter_and_is_found_by_others(self, installed):
        url = local.running(installed)
        connect(url).close()
        pid = server_pid(installed)
        assert local.start(installed) == url
        assert server_pid(installed) == pid

    def test_nobody_else_may_enter_the_data_or_list_the_folders_above(self, installed):
        data = (installed / "data").stat().st_mode
        assert not data & (stat.S_IRWXG | stat.S_IRWXO)
        assert stat.S_IMODE(installed.stat().st_mode) in (0o700, 0o711)

    def test_server_listens_on_its_socket_only(self, installed):
        with psycopg.connect(str(local.start(installed))) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)

    def test_stopped_server_keeps_what_was_committed(self, installed):
        with connect(local.start(installed)) as database:
            before = database.now()
        assert local.stop(installed)
        assert local.running(installed) is None
        assert not local.stop(installed)
        with connect(local.start(installed), create=False) as database:
            assert database.now() > before

    def test_stop_ends_connections_that_are_open(self, installed):
        url = local.start(installed)
        with psycopg.connect(str(url)) as connection:
            connection.execute("SELECT 1")
            assert local.stop(installed)
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")

    def test_killed_server_whose_number_another_process_has_is_started_again(self, installed):
        """PostgreSQL itself would believe that process to be the server, and refuse."""
        connect(local.start(installed)).close()
        os.kill(server_pid(installed), signal.SIGKILL)
        wait_until_ended(installed)
        file = installed / "data" / "postmaster.pid"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
        assert not local.stop(installed)
        connect(local.start(installed), create=False).close()

    def test_many_starting_together_start_one_server(self, installed):
        local.stop(installed)
        with ThreadPoolExecutor(4) as pool:
            urls = set(pool.map(local.start, [installed] * 4))
        assert urls == {local.running(installed)}

    def test_another_users_lock_in_the_temporary_folder_is_no_matter(self, installed, tmp_path):
        local.stop(installed)
        (tmp_path / ".lockfile").mkdir()  # no user can open it, the superuser neither
        elsewhere = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
        started = subprocess.run(
            [sys.executable, "-c", START, str(installed)],
            env={**elsewhere, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (started.returncode, started.stderr) == (0, "")
        assert local.running(installed) is not None

    def test_frozen_server_with_a_full_queue_is_taken_to_run(self, installed):
        """A connection to it would wait for ever, and what looks killed loses its PID_FILE."""
        local.stop(installed)
        address = str(installed / "data" / local.SOCKET)
        with socket.socket(socket.AF_UNIX) as frozen, socket.socket(socket.AF_UNIX) as waiting:
            frozen.bind(address)
            frozen.listen(0)
            waiting.connect(address)
            assert local.running(installed) is not None
        Path(address).unlink()

    def test_start_waits_for_a_stop_that_is_under_way(self, installed, monkeypatch):
        """Else it would find the old server still answering and give the URL of a dying one."""
        local.start(installed)
        ending = threading.Event()
        end = local._end

        def end_slowly(data):
            ending.set()
            time.sleep(0.2)
            return end(data)

        monkeypatch.setattr("storage.local._end", end_slowly)
        with ThreadPoolExecutor(1) as pool:
            stopped = pool.submit(local.stop, installed)
            assert ending.wait(10)
            url = local.start(installed)
            assert stopped.result()
        connect(url).close()

    def test_server_that_does_not_stop_is_one_line(self, installed, monkeypatch):
        local.start(installed)
        monkeypatch.setattr("storage.local.STOP_TIMEOUT_S", 0.1)
        monkeypatch.setattr("os.kill", lambda *_: None)
        with pytest.raises(LocalServerError, match=rf"pid {server_pid(installed)}\) does not stop"):
            local.stop(installed)

    def test_server_of_another_user_cannot_be_stopped_and_that_is_one_line(
        self, installed, monkeypatch
    ):
        def forbid(*_):
            raise PermissionError(1, "Operation not permitted")

        local.start(installed)
        monkeypatch.setattr("os.kill", forbid)
        with pytest.raises(LocalServerError, match="could not be stopped: Operation not permitted"):
            local.stop(installed)

    def test_settings_it_cannot_start_with_are_told_in_its_own_words(self, installed):
        local.stop(installed)
        settings = installed / "data" / "postgresql.conf"
        before = settings.read_text()
        settings.write_text(before + "\nshared_buffers = lots\n")
        try:
            with pytest.raises(LocalServerError, match="contains errors") as caught:
                local.start(installed)
        finally:
            settings.write_text(before)
        assert "\n" not in str(caught.value)


def test_folder_without_a_server_has_none_running_and_none_to_stop(folder):
    assert local.running(folder) is None
    assert not local.stop(folder)
    assert not folder.exists()


def test_path_too_long_for_a_socket_is_refused(folder):
    with pytest.raises(LocalServerError, match="choose a shorter one"):
        local.start(folder / ("x" * 120))


def test_length_is_counted_in_bytes_because_sockets_count_so():
    korean = Path("/") / ("한" * 30)
    assert len(str(korean / "data" / local.SOCKET)) < 60
    with pytest.raises(LocalServerError, match="choose a shorter one"):
        local.start(korean)


@pytest.mark.parametrize("name", ["my searches", "it's", 'so "called"', "a\tb", "$HOME", "back\\s"])
def test_path_that_the_wheel_would_take_apart_is_refused(name):
    path = Path("/tmp") / name
    with pytest.raises(LocalServerError, match="choose one without") as caught:
        local.start(path)
    assert len(str(caught.value).splitlines()) == 1
    assert not path.exists()


def test_home_folder_may_be_written_as_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent / "my home"))
    with pytest.raises(LocalServerError, match="my home/pg has a blank"):
        local.start(Path("~/pg"))


def test_folder_that_cannot_be_made_is_one_line(folder):
    folder.parent.joinpath("file").write_text("")
    with pytest.raises(LocalServerError, match="did not start in") as caught:
        local.start(folder.parent / "file" / "pg")
    assert "\n" not in str(caught.value)


def test_start_that_another_process_never_ends_is_one_line(monkeypatch):
    monkeypatch.setattr("storage.local.START_TIMEOUT_S", 0.1)
    with tempfile.TemporaryDirectory(prefix="hpo-local-") as path:
        folder = Path(path)
        with local._lock(folder), pytest.raises(LocalServerError) as caught:
            local.start(folder)
    assert "did not start in" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def nameless(monkeypatch):
    """Make this process look like one of `docker run --user 4294967290`."""
    monkeypatch.setattr("os.geteuid", lambda: 4_294_967_290)


def test_user_without_a_name_is_told_so(folder, nameless):
    with pytest.raises(LocalServerError, match="user id 4294967290, which has no name") as caught:
        local.start(folder)
    assert "\n" not in str(caught.value)


def test_why_the_data_cannot_be_made_is_told_in_postgresqls_own_words():
    with tempfile.TemporaryDirectory(prefix="hpo-local-") as path:
        data = Path(path) / "data"
        data.mkdir()
        (data / "notes").touch()
        with pytest.raises(LocalServerError, match=r"data\" exists but is not empty\)"):
            local.start(data.parent)


def test_locale_that_the_machine_lacks_is_no_matter(monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with tempfile.TemporaryDirectory(prefix="hpo-local-") as path:
        local.start(Path(path))
        assert local.stop(Path(path))
    assert os.environ["LC_ALL"] == "xx_XX.UTF-8"


def test_data_of_another_postgresql_version_is_one_line():
    with tempfile.TemporaryDirectory(prefix="hpo-local-") as path:
        data = Path(path) / "data"
        data.mkdir()
        (data / "PG_VERSION").write_text("9\n")
        with pytest.raises(LocalServerError, match="9"):
            local.start(data.parent)
