"""`hpo up` and `hpo down` with a real PostgreSQL and a real dashboard."""

import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner

import hpo.local_service
from hpo.cli import main
from hpo.errors import HpoError
from hpo.local_service import PID_FILE, Service, down, up
from storage import local
from storage.connect import connect
from storage.url import StorageURL


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's folder: under root the server's own user could not enter it.
    with tempfile.TemporaryDirectory(prefix="hpo-up-") as path:
        folder = Path(path) / "service"
        yield folder
        down(folder)


@pytest.fixture
def fake_postgres(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A PostgreSQL that starts and stops at once; what was asked of it, in order."""
    asked: list[str] = []
    url = StorageURL.parse("postgresql://u:s3cret@h/d")

    def start(_: Path) -> StorageURL:
        asked.append("start")
        return url

    monkeypatch.setattr(local, "start", start)
    monkeypatch.setattr(local, "stop", lambda _: asked.append("stop"))
    monkeypatch.setattr(
        local, "running", lambda _: url if asked.count("start") > asked.count("stop") else None
    )
    return asked


@pytest.fixture
def fake_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for `python -m hpo dashboard`; the file says how it behaves."""
    script = tmp_path / "dashboard.py"

    def command(program: str) -> None:
        script.write_text(program, encoding="utf-8")

    command(
        "import signal, socket, sys, time\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[-1])))\n"
        "time.sleep(600)\n"
    )
    starter = tmp_path / "python"
    starter.write_text(f'#!/bin/sh\nexec {sys.executable} {script} "$@"\n', encoding="utf-8")
    starter.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(starter))
    return script


def test_a_service_runs_until_down_and_its_studies_come_back(folder: Path) -> None:
    first = up(folder, port=free_port())
    with urllib.request.urlopen(f"{first.dashboard}/dashboard", timeout=20) as page:
        assert page.status == 200
    with connect(first.url, create=False) as database:
        optuna.create_study(storage=database.storage, study_name="kept")

    assert up(folder, port=free_port()) == first

    assert down(folder)
    assert not listens(int(first.dashboard.rsplit(":", 1)[1]))
    assert local.running(folder / "postgres") is None
    assert not down(folder)

    port = free_port()
    words = ["--folder", str(folder), "--port", str(port)]
    result = CliRunner().invoke(main, ["up", *words])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == f"dashboard: http://127.0.0.1:{port}"
    storage = lines[-1].strip().removeprefix("export HPO_STORAGE='").removesuffix("'")
    assert "kept" in CliRunner().invoke(main, ["studies", "--storage", storage]).output
    assert CliRunner().invoke(main, ["down", *words[:2]]).output == "stopped\n"
    assert CliRunner().invoke(main, ["down", *words[:2]]).output == "nothing was running\n"


def test_the_same_port_can_be_used_right_after_down(
    folder: Path, fake_postgres: list[str], fake_dashboard: Path
) -> None:
    port = free_port()
    for _ in range(2):
        assert up(folder, port=port).dashboard == f"http://127.0.0.1:{port}"
        assert listens(port)
        assert down(folder)
        assert not listens(port)
    assert fake_postgres == ["start", "stop"] * 2


def test_up_again_gives_where_the_running_dashboard_is(
    folder: Path, fake_postgres: list[str], fake_dashboard: Path
) -> None:
    first = up(folder, port=free_port())
    pid = (folder / PID_FILE).read_text(encoding="ascii")
    assert up(folder, port=free_port()) == first
    assert (folder / PID_FILE).read_text(encoding="ascii") == pid


def test_a_taken_port_is_one_line_and_starts_nothing(
    folder: Path, fake_postgres: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(main, ["up", "--folder", str(folder), "--port", str(port)])
    assert result.exit_code == 1
    says = f"Error: port {port} on 127.0.0.1 is in use; choose another with --port\n"
    assert result.output == says
    assert fake_postgres == []


def test_a_dashboard_that_ends_at_once_is_one_line_with_its_reason(
    folder: Path, fake_postgres: list[str], fake_dashboard: Path
) -> None:
    fake_dashboard.write_text(
        "raise SystemExit('some lines\\nError: no room for a dashboard')", encoding="utf-8"
    )
    with pytest.raises(HpoError, match=r"^the dashboard did not start: no room for a dashboard$"):
        up(folder, port=free_port())


def test_a_dashboard_that_never_answers_is_given_up(
    folder: Path,
    fake_postgres: list[str],
    fake_dashboard: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hpo.local_service, "READY_WITHIN_S", 0.3)
    fake_dashboard.write_text("import time; time.sleep(600)", encoding="utf-8")
    with pytest.raises(HpoError, match=r"did not answer within 0.3 s; see .*dashboard.log"):
        up(folder, port=free_port())


def test_a_dashboard_that_will_not_end_is_killed(
    folder: Path,
    fake_postgres: list[str],
    fake_dashboard: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hpo.local_service, "STOP_WITHIN_S", 0.3)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    fake_dashboard.write_text(stubborn + fake_dashboard.read_text(encoding="utf-8"))
    port = free_port()
    up(folder, port=port)
    assert down(folder)
    assert not listens(port)


def test_a_password_does_not_stand_in_the_process_list(
    folder: Path, fake_postgres: list[str], fake_dashboard: Path
) -> None:
    up(folder, port=free_port())
    pid = int((folder / PID_FILE).read_text(encoding="ascii").split()[0])
    shown = subprocess.run(
        ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "dashboard" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("content", ["", "not a number", "{own} 8080", "999999999 8080"])
def test_a_process_that_is_no_dashboard_is_left_alone(folder: Path, content: str) -> None:
    folder.mkdir()
    (folder / PID_FILE).write_text(content.format(own=os.getpid()), encoding="ascii")
    assert not down(folder)


def test_a_process_that_only_names_a_dashboard_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    command = [sys.executable, "-c", "input()", "dashboard.py"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as editor:
        (folder / PID_FILE).write_text(f"{editor.pid} 8080", encoding="ascii")
        assert not down(folder)
        editor.communicate(b"\n")
        assert editor.returncode == 0


def test_down_where_nothing_was_ever_started(folder: Path) -> None:
    assert not down(folder)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_one_line(folder: Path) -> None:
    folder.touch()
    with pytest.raises(HpoError, match=r"cannot make .*choose another --folder"):
        up(folder / "folder", port=free_port())


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_user_without_a_home_is_asked_for_a_folder(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("os.getuid", lambda: 4_294_967_290)
    result = CliRunner().invoke(main, [command])
    assert result.exit_code == 2
    assert "Invalid value for '--folder': ~/.hpo: Could not determine home" in result.stderr


def test_a_port_whose_queue_is_full_is_in_use(
    folder: Path, fake_postgres: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hpo.local_service, "CONNECT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as frozen:
        address = frozen.getsockname()
        with socket.create_connection(address), pytest.raises(HpoError, match="is in use"):
            up(folder, port=address[1])
    assert fake_postgres == []


def test_a_process_is_known_without_proc_too() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        assert hpo.local_service._command_by_ps(process.pid).split() == [b"sleep", b"60"]
        process.kill()
    assert hpo.local_service._command_by_ps(999999999) == b""


def test_a_service_says_where_it_is_without_a_password() -> None:
    service = Service(StorageURL.parse("postgresql://u:s3cret@h/d"), "http://127.0.0.1:8080")
    assert "s3cret" not in repr(service)
