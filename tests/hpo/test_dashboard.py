import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from optuna.storages import RDBStorage
from sqlalchemy import event

from config.load import from_mapping
from hpo import study
from hpo.dashboard import running
from hpo.errors import DashboardError

CONFIG = from_mapping(
    {"optuna": {"search_space": {"training.weight_decay": {"low": 0.0, "high": 0.1}}}}
)
SERVE = (
    "import sys; from hpo.dashboard import serve; from storage.connect import connect;"
    "from storage.url import StorageURL;"
    "serve(connect(StorageURL.parse(sys.argv[1])), host=sys.argv[2], port=int(sys.argv[3]))"
)


@pytest.fixture
def searched(database):
    """A database with a study of five finished trials."""
    study.create(database, "kobart", CONFIG, data_fingerprint="f" * 64)
    opened = study.open_study(database, "kobart", worker_seed=1)
    for _ in range(5):
        trial = opened.ask()
        trial.suggest_float("training.weight_decay", 0.0, 0.1)
        trial.report(0.2, 1)
        opened.tell(trial, 0.2)
    return database


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with DIRECT.open(url, timeout=10) as answer:
        return answer.read().decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def test_it_serves_the_page_and_the_studies(searched):
    with running(searched.storage, host="127.0.0.1", port=0) as url:
        assert "<title>Optuna Dashboard</title>" in get(url)
        base = url.removesuffix("/dashboard")
        (summary,) = json.loads(get(f"{base}/api/studies"))["study_summaries"]
        detail = json.loads(get(f"{base}/api/studies/{summary['study_id']}"))
    assert summary["study_name"] == "kobart"
    assert [trial["number"] for trial in detail["trials"]] == [0, 1, 2, 3, 4]


def test_finished_trials_are_read_once_not_at_every_poll(searched, monkeypatch):
    """optuna-dashboard given a URL reads every trial again for every poll."""
    monkeypatch.setattr("optuna_dashboard._storage.timedelta", lambda seconds: -seconds * 0)
    monkeypatch.setattr("optuna_dashboard._storage.datetime", _NoCache)
    backend = RDBStorage(searched.url.sqlalchemy)
    values = []

    @event.listens_for(backend.engine, "before_cursor_execute")
    def count(_connection, _cursor, statement, *_rest):
        values.append("trial_values" in statement)

    with running(backend, host="127.0.0.1", port=0) as url:
        poll = f"{url.removesuffix('/dashboard')}/api/studies/1"
        get(poll)
        first = sum(values)
        values.clear()
        get(poll)
    assert first > 0
    assert sum(values) < first


class _NoCache:
    """A clock on which optuna-dashboard's own cache of trials is always too old."""

    @staticmethod
    def now():
        return 0


def test_requests_are_answered_side_by_side(searched):
    """A browser that keeps a connection open and says nothing holds up nobody."""
    with running(searched.storage, host="127.0.0.1", port=0) as url:
        port = int(url.split(":")[2].split("/")[0])
        with socket.create_connection(("127.0.0.1", port)):
            assert get(url)


def test_it_listens_on_ipv6_loopback_too(searched):
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with running(searched.storage, host="::1", port=0) as url:
            assert url.startswith("http://[::1]:")
            assert get(url)
    except DashboardError as error:
        pytest.skip(f"no IPv6 loopback: {error}")


def test_a_port_in_use_is_said_with_what_to_do(searched):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(DashboardError, match=rf"port {port} on 127\.0\.0\.1 is in use.*--port"),
            running(searched.storage, host="127.0.0.1", port=port),
        ):
            pass


@pytest.mark.parametrize("host", ["203.0.113.7", "127.0.0.1.example"])
def test_an_address_of_another_machine_is_refused(searched, host, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", _no_such_host)
    with (
        pytest.raises(DashboardError, match=r"no address of this machine.*--host"),
        running(searched.storage, host=host, port=0),
    ):
        pass


def _no_such_host(*_args):
    raise socket.gaierror("Name or service not known")


def test_the_port_is_free_again_afterwards(searched):
    port = free_port()
    for _ in range(2):
        with running(searched.storage, host="127.0.0.1", port=port) as url:
            get(url)
    with pytest.raises(urllib.error.URLError):
        get(url)


class TestServing:
    @pytest.fixture
    def serve(self, searched):
        started = []

        def start(host, **environ):
            port = free_port()
            command = [sys.executable, "-c", SERVE, searched.url.sqlalchemy, host, str(port)]
            process = subprocess.Popen(
                command,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "COLUMNS": "400", **environ},
            )
            started.append(process)
            self.wait(process, port)
            return process

        yield start
        for process in started:
            process.kill()
            process.wait()

    def wait(self, process, port):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        pytest.fail("the dashboard did not answer")

    @pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
    def test_ends_cleanly_on_a_signal(self, serve, signal_number):
        process = serve("127.0.0.1")
        process.send_signal(signal_number)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Dashboard at http://127.0.0.1:" in said
        assert "read-only" in said
        assert "Dashboard ended" in said
        assert "Warning" not in said
        assert "Traceback" not in said

    def test_ends_with_a_line_when_the_file_is_taken_away(self, serve, searched):
        process = serve("127.0.0.1")
        searched.url.path.unlink()
        _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "hpo.db was deleted or moved while it was in use" in said

    def test_beyond_this_machine_says_that_the_password_travels_in_clear(self, serve):
        process = serve("0.0.0.0", HPO_DASHBOARD_PASSWORD="long enough a word")
        process.terminate()
        _, said = process.communicate(timeout=30)
        assert "Warning: 0.0.0.0 can be reached from other machines" in said
        assert "in clear" in said
        assert "long enough" not in said
