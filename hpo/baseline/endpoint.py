"""Where the questions go, and which key may go there.

A key belongs to a service: OPENAI_API_KEY is sent to openai.com alone and UPSTAGE_API_KEY to
upstage.ai alone, whatever endpoint is typed. HPO_BASELINE_KEY goes to the endpoint that was typed.
None goes over the network unencrypted, and none follows a redirect (see chat.py).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, urlsplit

from hpo.errors import WrongInput

OWN_KEY = "HPO_BASELINE_KEY"
SERVICE_KEYS = {"UPSTAGE_API_KEY": "upstage.ai", "OPENAI_API_KEY": "openai.com"}
CHAT = "/chat/completions"


@dataclass(frozen=True)
class Endpoint:
    """The URL that takes chats; `key_from` names the key's variable, None: no key is sent."""

    url: str
    key: str | None = field(default=None, repr=False)
    key_from: str | None = None

    @classmethod
    def of(cls, given: str, environ: Mapping[str, str]) -> Self:
        """Read what was typed: a base such as https://api.upstage.ai/v1, or the whole URL.

        Raises WrongInput for what is no such URL, and for a key that must not be sent there.
        """
        parts = _split(given)
        path = parts.path.rstrip("/")
        url = parts._replace(path=path if path.endswith(CHAT) else path + CHAT).geturl()
        variable = _variable_for(parts.hostname or "", environ)
        key = environ[variable].strip() if variable else None
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            raise WrongInput(f"{variable} holds characters that no key has; set it again")
        if key is not None and parts.scheme == "http" and not _is_here(parts.hostname or ""):
            raise WrongInput(
                f"{variable} would go to {parts.hostname} unencrypted; use https, or unset it"
            )
        return cls(url, key, variable)


def _split(given: str) -> SplitResult:
    try:
        parts = urlsplit(given)
        _ = parts.port  # raises for what is no number
    except ValueError as error:
        raise WrongInput(f"--endpoint is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise WrongInput("--endpoint has to be a URL such as https://api.upstage.ai/v1")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise WrongInput(
            f"--endpoint must hold no user, password or query: the key stands in {OWN_KEY}"
        )
    return parts


def _variable_for(host: str, environ: Mapping[str, str]) -> str | None:
    if environ.get(OWN_KEY, "").strip():
        return OWN_KEY
    for variable, service in SERVICE_KEYS.items():
        belongs = host == service or host.endswith(f".{service}")
        if belongs and environ.get(variable, "").strip():
            return variable
    return None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
