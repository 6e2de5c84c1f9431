"""optuna-dashboard over a storage: cached reads, a thread for each request, a clean end.

optuna-dashboard knows no users: whoever reaches its port may change and delete studies. So it
listens on loopback unless told otherwise, and then it says what that means.
"""

import errno
import ipaddress
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import optuna
import optuna_dashboard
from optuna.storages import BaseStorage
from rich.console import Console

from hpo.errors import HpoError
from hpo.stop import stop_requests

FOREVER_S = 3600.0

log = logging.getLogger(__name__)


class DashboardError(HpoError):
    """The dashboard cannot listen where it was asked to."""


def serve(storage: BaseStorage, *, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve the dashboard until SIGINT or SIGTERM; says on stderr where it is.

    Raises DashboardError when the address can't be used.
    """
    console = Console(stderr=True, highlight=False)
    with stop_requests() as stop, running(storage, host=host, port=port) as url:
        if not is_loopback(host):
            console.print(
                f"Warning: {host} can be reached from other machines, and whoever reaches this "
                "dashboard can change and delete studies: there is no password. "
                "Use it in a network you trust, or leave --host out and come through an SSH tunnel."
            )
        console.print(f"Dashboard at {url} (Ctrl-C ends it)")
        while not stop.wait(FOREVER_S):
            pass
    console.print("Dashboard ended")


@contextmanager
def running(storage: BaseStorage, *, host: str, port: int) -> Iterator[str]:
    """Serve the dashboard from a thread while the context lasts; yields its URL.

    Port 0 takes a free one. Raises DashboardError when the address can't be used.
    """
    # Given a URL, optuna-dashboard would read every trial again for every poll.
    app = optuna_dashboard.wsgi(optuna.storages.get_storage(storage))
    with _listening(host, port) as server:
        server.set_app(app)
        thread = threading.Thread(target=server.serve_forever, name="dashboard", daemon=True)
        thread.start()
        try:
            shown = f"[{host}]" if ":" in host else host
            yield f"http://{shown}:{server.server_port}/dashboard"
        finally:
            server.shutdown()
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address or host name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        log.debug(format, *args)


def _listening(host: str, port: int) -> _Server:
    try:
        return (_Server6 if ":" in host else _Server)((host, port), _Quiet)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"port {port} on {host} is in use; choose another with --port"
        elif error.errno == errno.EACCES:
            why = f"port {port} is reserved for root; choose one above 1023 with --port"
        else:
            why = f"{host} is no address of this machine ({error}); see --host"
        raise DashboardError(f"the dashboard can't start: {why}") from error
