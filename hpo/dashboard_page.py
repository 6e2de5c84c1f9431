"""optuna-dashboard's page with a line that says that nothing can be changed on it."""

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

BANNER = (
    '<div role="status" style="position:fixed;bottom:0;left:0;right:0;z-index:9999;padding:2px;'
    'pointer-events:none;text-align:center;font:13px sans-serif;color:#fff;background:#5a6b7b">'
    "Read-only: nothing can be changed here. hpo dashboard --allow-write changes that.</div>"
)
END = b"</body>"
# With these the page could come without a body, or in part.
CONDITIONS = (
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_RANGE",
    "HTTP_RANGE",
)

Headers = list[tuple[str, str]]


def with_banner(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Let `app` answer, with the banner in its page; everything else passes as it is."""
    if not environ.get("PATH_INFO", "").startswith("/dashboard"):
        return app(environ, start_response)
    started: list[tuple[Any, ...]] = []

    def keep(status: str, headers: Headers, *rest: Any) -> Callable[[bytes], object]:
        started[:] = [(status, headers, *rest)]
        return _no_write

    for name in CONDITIONS:
        environ.pop(name, None)
    answer = app(environ, keep)
    try:
        page = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    ((status, headers, *rest),) = started
    page = page.replace(END, BANNER.encode() + END)
    if environ["REQUEST_METHOD"] != "HEAD":
        headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        headers.append(("Content-Length", str(len(page))))
    start_response(status, headers, *rest)
    return [page]


def _no_write(_: bytes) -> object:
    raise NotImplementedError("optuna-dashboard returns its answers")
