"""Secrets of the environment are taken out of whatever this program writes down.

`storage.url.mask` knows what a password in a URL looks like. A password in PGPASSWORD or a W&B key
looks like nothing: it is found by its value, as it is, percent-encoded, in base64 and in a repr.
"""

import base64
import logging
import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from typing_extensions import override

from storage.errors import BadURL
from storage.url import HIDDEN, StorageURL, mask

STORAGE = "HPO_STORAGE"
SECRET_NAME = re.compile(r"(?:PASSWORD|PASSWD|SECRET|TOKEN|_KEY|WEBHOOK)$", re.IGNORECASE)
SHORTEST = 4  # characters; what is shorter stands in every other line
SURE = 8  # characters; what is shorter is hidden as a word of its own only


def hide(text: str, environ: Mapping[str, str] | None = None) -> str:
    """Give the text with *** for every secret of the environment, and for passwords in URLs."""
    environ = os.environ if environ is None else environ
    for secret in _secrets(environ):
        found = re.escape(secret)
        text = re.sub(found if len(secret) >= SURE else rf"(?<!\w){found}(?!\w)", HIDDEN, text)
    url = _storage_url(environ)
    return mask(text) if url is None else url.scrub(text)


def _secrets(environ: Mapping[str, str]) -> list[str]:
    """Every form of every secret, the longest first, so that none is left with an end showing."""
    values = {value for name, value in environ.items() if SECRET_NAME.search(name)}
    values.update(part for value in values.copy() for part in _parts(value))
    url = _storage_url(environ)
    if url is not None:
        values.update(url.secrets)
    forms = {form for value in values for form in _forms(value.strip())}
    return sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)


def _parts(value: str) -> Iterator[str]:
    """What is secret in a web address: errors quote its path, and its last part is the key."""
    _, separator, rest = value.strip().partition("://")
    _, slash, path = rest.partition("/")
    if separator and slash:
        parts = (f"/{path}", path.rpartition("/")[2].partition("?")[0])
        yield from (part for part in parts if len(part) >= SURE)


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogateescape")
    yield from (value, repr(value)[1:-1], quote(raw), quote(raw, safe=""), quote_plus(raw))
    yield base64.b64encode(raw).decode().rstrip("=")
    # W&B's client sends its key as the password of the user `api`.
    yield base64.b64encode(b"api:" + raw).decode().rstrip("=")


def _storage_url(environ: Mapping[str, str]) -> StorageURL | None:
    try:
        return StorageURL.parse(environ.get(STORAGE, ""))
    except BadURL:
        return None


class HidingFormatter(logging.Formatter):
    """Formats a record, its traceback too, without secrets."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record))
