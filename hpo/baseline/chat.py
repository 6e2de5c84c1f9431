"""One question to a server that speaks OpenAI's chat form, and what can come back.

Python's own client: httpx is no dependency of ours, and what huggingface-hub brings changes with
its version. A redirect is not followed: it would take the key, or the dialogues, elsewhere.
"""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from hpo.baseline.endpoint import Endpoint
from hpo.errors import HpoError
from hpo.hiding import hide

MOST_BYTES = 4_000_000  # of an answer
PIECE_BYTES = 65_536
SHOWN = 200  # characters of what a server says
PASSING = frozenset({408, 409, 425, 429})  # and all from 500 on
NO_MONEY = "insufficient_quota"  # OpenAI's word, with status 429


class Refused(HpoError):
    """The endpoint will not answer this question, however often it is asked."""


class Failing(HpoError):
    """The endpoint did not answer this time; `wait_s` is how long it wants to be left alone."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class Answer:
    """What came back; token counts are None where the server does not give them.

    `finish` is the server's reason for its end: "length" says that it was cut off.
    """

    text: str
    prompt_tokens: int | None
    completion_tokens: int | None
    finish: str | None


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        """Follow nothing: urllib then raises the status as an error."""


_OPENER = build_opener(_Stay)


def ask(endpoint: Endpoint, body: Mapping[str, Any], *, timeout_s: float) -> Answer:
    """Ask once; `timeout_s` is for the whole answer. Raises Refused or Failing."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = Request(endpoint.url, json.dumps(body).encode(), headers)  # noqa: S310 - http(s) only
    if endpoint.key is not None:
        request.add_unredirected_header("Authorization", f"Bearer {endpoint.key}")
    try:
        with _OPENER.open(request, timeout=timeout_s) as response:
            raw = _read(response, until=time.monotonic() + timeout_s)
    except HTTPError as error:
        with error:
            raise _meaning(error) from error
    except (URLError, OSError, http.client.HTTPException) as error:
        raise _unreached(endpoint, error) from error
    return _answer(raw)


def _read(response: http.client.HTTPResponse, *, until: float) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(PIECE_BYTES):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES:
            raise Failing(f"the answer is longer than {MOST_BYTES:,} bytes")
        if time.monotonic() > until:
            raise TimeoutError
    return b"".join(pieces)


def _meaning(error: HTTPError) -> HpoError:
    """Return what a status other than 200 means for us."""
    status, said = error.code, _said(error)
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's redirects
        return Refused(
            f"the endpoint sends elsewhere (status {status}: {error.headers.get('Location')}),"
            " and the key is for the one you named; give the right URL"
        )
    if NO_MONEY in said or (status not in PASSING and status < 500):  # noqa: PLR2004 - HTTP's
        return Refused(f"the endpoint refuses (status {status}): {said}")
    return Failing(
        f"the endpoint answers with status {status}: {said}",
        _wait(error.headers.get("Retry-After")),
    )


def _said(error: HTTPError) -> str:
    try:
        raw = error.read(PIECE_BYTES).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        raw = ""
    return hide(" ".join(raw.split())[:SHOWN] or error.reason or "no reason given")


def _wait(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which holds them or a date; None: neither."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


def _unreached(endpoint: Endpoint, error: Exception) -> HpoError:
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Refused(f"{endpoint.url} is not who it says it is: {reason.verify_message}")
    if isinstance(reason, TimeoutError):
        return Failing(f"{endpoint.url} does not answer in time; --timeout gives it longer")
    words = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return Failing(f"{endpoint.url} cannot be reached or broke off: {words}")


def _answer(raw: bytes) -> Answer:
    try:
        whole = json.loads(raw)
        choice = whole["choices"][0]
        text, finish = choice["message"]["content"], choice.get("finish_reason")
        usage = whole.get("usage") or {}
        if not isinstance(text, str):
            if finish not in {"length", "content_filter"}:
                raise TypeError("content")  # noqa: TRY301 - as a missing key is
            text = ""  # it ended before a word: no summary
        tokens = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        shown = hide(" ".join(raw[:SHOWN].decode("utf-8", "replace").split()))
        raise Failing(f"the endpoint's answer is no chat completion: {shown!r}") from error
    return Answer(hide(text), tokens[0], tokens[1], None if finish is None else str(finish))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
