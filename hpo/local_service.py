"""`hpo up` and `hpo down`: a PostgreSQL and a dashboard of one's own on this machine, no Docker.

Both are processes that outlive the command. The dashboard's process id and port stand in a file
in the service's folder.
"""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import HpoError
from storage import local
from storage.url import StorageURL

PID_FILE = "dashboard.pid"
LOG_FILE = "dashboard.log"
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
POLL_S = 0.1
CONNECT_S = 1.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """Where the running parts are."""

    url: StorageURL
    dashboard: str


@dataclass(frozen=True)
class _Dashboard:
    """A dashboard's process, and where it listens."""

    pid: int
    port: int


def up(folder: Path, *, port: int) -> Service:
    """Start what does not run yet and wait until it answers; `port` is for a new dashboard.

    Raises LocalServerError when PostgreSQL cannot start, HpoError when the dashboard cannot.
    """
    local.check_path(folder / "postgres")  # before the folder is made
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HpoError(
            f"cannot make {folder}: {error.strerror}; choose another --folder"
        ) from error
    dashboard = _running(folder)
    if dashboard is None:
        _check_free(port)
    url = local.start(folder / "postgres")
    if dashboard is None:
        process = _start_dashboard(folder, url, port)
        _wait_for(process, port, log=folder / LOG_FILE)
    return Service(url, f"http://{HOST}:{dashboard.port if dashboard else port}")


def down(folder: Path) -> bool:
    """Stop the dashboard and PostgreSQL; False when neither ran. The data stay."""
    dashboard = _running(folder)
    if dashboard is not None:
        _end(dashboard)
        (folder / PID_FILE).unlink()
    ran = local.running(folder / "postgres") is not None
    if ran:
        local.stop(folder / "postgres")
    return ran or dashboard is not None


def _check_free(port: int) -> None:
    """Raise HpoError where something listens: it would be taken for the dashboard."""
    if _listens(port):
        raise HpoError(f"port {port} on {HOST} is in use; choose another with --port")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(CONNECT_S)
        # EAGAIN is the time being over: a frozen process with a full queue refuses nobody.
        return probe.connect_ex((HOST, port)) in {0, errno.EAGAIN}


def _start_dashboard(folder: Path, url: StorageURL, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "hpo", "dashboard", "--host", HOST, "--port", str(port)]
    with (folder / LOG_FILE).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command with our own arguments
            command,
            env=os.environ | {"HPO_STORAGE": url.sqlalchemy},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (folder / PID_FILE).write_text(f"{process.pid} {port}", encoding="ascii")
    return process


def _wait_for(process: subprocess.Popen[bytes], port: int, *, log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if process.poll() is not None:
            last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            said = " ".join(last).removeprefix("Error: ") or f"see {log}"
            raise HpoError(f"the dashboard did not start: {said}")
        if _listens(port):
            return
        time.sleep(POLL_S)
    raise HpoError(f"the dashboard did not answer within {READY_WITHIN_S:g} s; see {log}")


def _end(dashboard: _Dashboard) -> None:
    """End the dashboard and wait until it has: its port is free by then."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(dashboard.pid, number)
        until = time.monotonic() + STOP_WITHIN_S
        while time.monotonic() < until:
            # A process that is gone may hold its port for a moment yet.
            if not _is_dashboard(dashboard.pid) and not _listens(dashboard.port):
                return
            time.sleep(POLL_S)


def _running(folder: Path) -> _Dashboard | None:
    """The folder's dashboard, if the file's process still is one."""
    try:
        pid, port = map(int, (folder / PID_FILE).read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return _Dashboard(pid, port) if _is_dashboard(pid) else None


def _is_dashboard(pid: int) -> bool:
    """Whether the process is a dashboard: another may have its number by now."""
    command = _command_in_proc(pid) if Path("/proc/self").exists() else _command_by_ps(pid)
    return b" hpo dashboard " in command.replace(b"\0", b" ")


def _command_in_proc(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _command_by_ps(pid: int) -> bytes:
    """The same where there is no /proc, as on macOS."""
    words = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(words, capture_output=True, check=False).stdout  # noqa: S603
