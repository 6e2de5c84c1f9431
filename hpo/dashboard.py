"""optuna-dashboard over a storage: cached reads, a thread for each request, a clean end.

Whatever is asked passes `hpo.dashboard_gate` first: read-only unless told otherwise, and a password
wherever another machine could ask.
"""

import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import optuna
import optuna_dashboard
from optuna.storages import BaseStorage
from rich.console import Console

from hpo.dashboard_artifacts import ArtifactFolder
from hpo.dashboard_gate import Access, Gate
from hpo.dashboard_notes import find_notes_by_key
from hpo.dashboard_origin import is_loopback
from hpo.dashboard_password import PASSWORD, PASSWORD_FILE, read_credentials
from hpo.dashboard_studies import read_less
from hpo.errors import DashboardError, WrongDashboard
from hpo.stop import stop_requests
from storage.connect import Database
from storage.read_only import refuse_writes

LOOK_S = 2.0  # between two looks whether a SQLite file is still there
POLL_S = 0.1  # how long the end may take
# A client that sends nothing holds a thread no longer than this.
REQUEST_TIMEOUT_S = 60

log = logging.getLogger(__name__)


def serve(
    database: Database,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    allow_write: bool = False,
    host_names: Sequence[str] = (),
    artifacts: Path | None = None,
) -> None:
    """Serve the dashboard until SIGINT or SIGTERM; says on stderr where it is.

    Raises DashboardError when the address can't be used, or when others could reach it and there
    is no password; FileGone when the SQLite file is taken away.
    """
    access = access_for(host, os.environ, allow_write=allow_write, host_names=host_names)
    if artifacts is not None and not artifacts.is_dir():
        raise WrongDashboard(
            f"--artifacts {artifacts} is no folder; hpo report --artifacts makes it"
        )
    if not allow_write:
        refuse_writes(database)  # a wall behind the gate: the database itself says no
    console = Console(stderr=True, highlight=False)
    with (
        stop_requests() as stop,
        running(database.storage, host=host, port=port, access=access, artifacts=artifacts) as url,
    ):
        if not is_loopback(host):
            console.print(
                f"Warning: {host} can be reached from other machines, and the password travels in "
                "clear: put TLS before it (a proxy), or leave --host out and use an SSH tunnel."
            )
        rights = "may be changed" if allow_write else "read-only"
        console.print(f"Dashboard at {url}, {rights} (Ctrl-C ends it)")
        while not stop.wait(LOOK_S):
            if database.url.is_sqlite:
                database.now()  # or pages would go on to show a file that nobody else sees
    console.print("Dashboard ended")


def access_for(
    host: str, environ: Mapping[str, str], *, allow_write: bool, host_names: Sequence[str]
) -> Access:
    """Who may do what on a dashboard at `host`; WrongDashboard where a password is missing."""
    credentials = read_credentials(environ)
    if credentials is None and not is_loopback(host):
        raise WrongDashboard(
            f"{host} can be reached from other machines and there is no password: set {PASSWORD}"
            f" or {PASSWORD_FILE}, or leave --host out and come through an SSH tunnel"
        )
    names = [*host_names, host]
    if not is_loopback(host):
        names.append(socket.gethostname())
    return Access(
        allow_write=allow_write,
        credentials=credentials,
        host_names=frozenset(name.lower().rstrip(".") for name in names),
    )


@contextmanager
def running(
    storage: BaseStorage,
    *,
    host: str,
    port: int,
    access: Access | None = None,
    artifacts: Path | None = None,
) -> Iterator[str]:
    """Serve the dashboard from a thread while the context lasts; yields its URL.

    Port 0 takes a free one; without `access` it is read-only and has no password. Artifacts
    are those in that folder. Raises DashboardError when the address can't be used.
    """
    # Given a URL, optuna-dashboard would read every trial again for every poll.
    find_notes_by_key()
    read_less()
    store = None if artifacts is None else ArtifactFolder(artifacts)
    app = optuna_dashboard.wsgi(optuna.storages.get_storage(storage), artifact_store=store)
    access = replace(access or Access(), artifacts=store is not None)
    with _listening(host, port) as server:
        server.set_app(Gate(app, access))
        thread = threading.Thread(
            target=server.serve_forever, args=(POLL_S,), name="dashboard", daemon=True
        )
        thread.start()
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{server.server_port}/dashboard"
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a slow request must not hold up the end
    request_queue_size = 64

    def server_bind(self) -> None:
        # HTTPServer would look up the host's full name, which can take a DNS time-out.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()[:2]
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its form
        log.debug("a request from %s was cut off", client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    timeout = REQUEST_TIMEOUT_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        log.debug(format, *args)


def _listening(host: str, port: int) -> _Server:
    try:
        return (_Server6 if ":" in host else _Server)((host, port), _Quiet)
    except ValueError as error:  # NUL, or a label that no host name can have
        raise WrongDashboard(f"--host {host!r} is no address and no host's name") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is in use; choose another with --port"
        elif error.errno == errno.EACCES:
            why = f"port {port} is reserved for root; choose one above 1023 with --port"
        else:
            why = f"{host} is no address of this machine ({error}); see --host"
        raise DashboardError(f"the dashboard can't start: {why}") from error
