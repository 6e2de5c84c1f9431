"""One message to a webhook, over HTTP: without redirects, and never for long."""

import base64
import http.client
import json
import time
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from hpo.errors import HpoError
from hpo.notifications.webhook import Message, Webhook, payload

TIMEOUT_S = 5.0
"""Longest silence of the receiver, once while connecting and once before its answer."""


class NotSent(HpoError):
    """The receiver did not take the message; the text says why, without the URL."""


def post(webhook: Webhook, message: Message, *, within_s: float) -> None:
    """Send it; raises NotSent, also where `within_s` are over before its first byte."""
    begun = time.monotonic()
    url = webhook.url
    connection = _connection(url)
    try:
        connection.connect()
        if time.monotonic() - begun > within_s:
            raise NotSent("it took too long to connect")
        headers = {"Content-Type": "application/json", "User-Agent": "hpo"}
        headers |= _credentials(url, "Authorization")
        body = json.dumps(payload(message, webhook.form)).encode()
        connection.request("POST", _target(url), body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotSent(_reason(error)) from None  # the error's own text may quote the address
    finally:
        connection.close()
    if not 200 <= status < 300:  # noqa: PLR2004 - HTTP's successes
        raise NotSent(f"it answered {status}")


def _target(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _connection(url: SplitResult) -> http.client.HTTPConnection:
    """A connection to the receiver, through the environment's proxy where it names one."""
    secure = url.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    host = str(url.hostname)
    proxy = None if proxy_bypass(host) else getproxies().get(url.scheme)
    if proxy is None:
        return kind(host, url.port, timeout=TIMEOUT_S)
    via = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    connection = kind(str(via.hostname), via.port, timeout=TIMEOUT_S)
    connection.set_tunnel(host, url.port, _credentials(via, "Proxy-Authorization"))
    return connection


def _credentials(url: SplitResult, header: str) -> dict[str, str]:
    if url.username is None:
        return {}
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return {header: f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"it said nothing for {TIMEOUT_S:g} s"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
