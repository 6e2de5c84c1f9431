"""The gate before optuna-dashboard, which has no users, no read-only mode and no check of sites.

Every request passes, in this order: is Host our name, is the password right, is this a read, does
it come from our own page. What is refused never reaches optuna-dashboard. Each answer carries the
security headers, whoever made it.
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from hpo.dashboard_origin import crosses_sites, knows_host
from hpo.dashboard_page import with_banner
from hpo.dashboard_password import Credentials, Throttle
from hpo.dashboard_reads import READ_METHODS, reads

# As optuna-dashboard's own (its parallel coordinates compile WebGL code), with frames, forms and
# <base> shut besides.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none';"
    " style-src 'self' data: 'unsafe-inline'; script-src 'self' 'unsafe-eval';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
POLICY = "Content-Security-Policy"
# An artifact may be a page of anybody's: it draws in an origin of its own, and reaches nothing.
ARTIFACT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline';"
    " style-src 'unsafe-inline'; img-src data: blob:; frame-ancestors 'none'; base-uri 'none'"
)
ARTIFACTS = "/artifacts/"
SECURITY_HEADERS = {
    POLICY: CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "hpo",
}
# No answer is for another site, whatever optuna-dashboard says.
DROPPED = frozenset({name.lower() for name in SECURITY_HEADERS} | {"access-control-allow-origin"})
CACHED = ("/static/", "/favicon.ico")
# An answer to a request whose body nobody read can be lost with the connection.
DRAINED_BYTES = 1 << 20

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Access:
    """Who may do what; `credentials` None asks for no password, `host_names` are lower case.

    `artifacts`: those of the studies may be read.
    """

    allow_write: bool = False
    artifacts: bool = False
    credentials: Credentials | None = None
    host_names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refusal:
    """An answer that optuna-dashboard's page can show: its toasts print `reason`."""

    status: str
    reason: str
    headers: Headers = field(default_factory=list)


class Gate:
    """A WSGI application that lets through to another what `access` allows."""

    def __init__(
        self, app: WSGIApplication, access: Access, throttle: Throttle | None = None
    ) -> None:
        self._app = app
        self._access = access
        self._throttle = throttle or Throttle()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        answer = _guarded(start_response, path)
        refusal = self._refusal(environ, path)
        if refusal is not None:
            _drain(environ)
            body = json.dumps({"reason": refusal.reason}).encode()
            sent = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
            answer(refusal.status, sent + refusal.headers)
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
        environ.pop("HTTP_AUTHORIZATION", None)  # nobody behind the gate needs the password
        if self._access.allow_write:
            return self._app(environ, answer)
        return with_banner(self._app, environ, answer)

    def _refusal(self, environ: WSGIEnvironment, path: str) -> Refusal | None:
        host = environ.get("HTTP_HOST", "")
        if not knows_host(host, self._access.host_names):
            return Refusal(
                "421 Misdirected Request",
                f"{host!r} is no name of this dashboard; add it with --host-name",
            )
        refusal = self._stranger(environ)
        if refusal is not None:
            return refusal
        method = environ["REQUEST_METHOD"]
        if not self._access.allow_write and not reads(
            method, path, artifacts=self._access.artifacts
        ):
            return Refusal(
                "403 Forbidden",
                "this dashboard is read-only (see: hpo dashboard --allow-write)",
            )
        if method not in READ_METHODS and crosses_sites(environ):
            return Refusal("403 Forbidden", "a page of another site may not write here")
        return None

    def _stranger(self, environ: WSGIEnvironment) -> Refusal | None:
        if self._access.credentials is None:
            return None
        client = environ.get("REMOTE_ADDR", "")
        given = environ.get("HTTP_AUTHORIZATION")
        if given is not None:
            wait = self._throttle.wait_s(client)
            if wait > 0:
                seconds = math.ceil(wait)
                return Refusal(
                    "429 Too Many Requests",
                    f"too many wrong passwords; try again in {seconds} s",
                    [("Retry-After", str(seconds))],
                )
            if self._access.credentials.match(given):
                self._throttle.succeeded(client)
                return None
            self._throttle.failed(client)
        challenge = 'Basic realm="hpo dashboard", charset="UTF-8"'
        return Refusal(
            "401 Unauthorized", "user and password, please", [("WWW-Authenticate", challenge)]
        )


def _guarded(start_response: StartResponse, path: str) -> StartResponse:
    """A start_response that puts the security headers in place of the application's own."""
    guards = SECURITY_HEADERS | ({POLICY: ARTIFACT_POLICY} if path.startswith(ARTIFACTS) else {})

    def start(status: str, headers: Headers, *exc_info: Any) -> Callable[[bytes], object]:
        kept = [(name, value) for name, value in headers if name.lower() not in DROPPED]
        if not path.startswith(CACHED):
            kept = [(name, value) for name, value in kept if name.lower() != "cache-control"]
            kept.append(("Cache-Control", "no-store"))
        return start_response(status, kept + list(guards.items()), *exc_info)

    return start


def _drain(environ: WSGIEnvironment) -> None:
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return
    if length > 0:
        environ["wsgi.input"].read(min(length, DRAINED_BYTES))
