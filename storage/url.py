"""Storage URLs: which ones are accepted, and how they are shown.

Only SQLite files and PostgreSQL (through psycopg 3) are spoken, because only those two are tested.
A password is never part of anything this module prints; `sqlalchemy` alone gives it away.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import sqlalchemy as sa

from storage.errors import BadURL

HIDDEN = "***"
MOST_PORT = 65_535

_POSTGRESQL = {"postgres", "postgresql", "postgresql+psycopg"}
_SQLITE = {"sqlite", "sqlite+pysqlite"}
_EXAMPLES = "write sqlite:///hpo.db or postgresql://USER@HOST:5432/DATABASE"
# As libpq writes them before the first slash, where SQLAlchemy does not take them.
_SEVERAL_OR_FOLDER = re.compile(r"(?i)(?:[^/?@]*@)?[^/?@]*(?::\d*,|%2f)[^@]*$")
_SEARCH_PATH = re.compile(r"search_path=[\"']?([\w$]+)")
_AWKWARD = re.compile(r"[\s\0'\"]")
# From a colon up to the last @ of the word, so that a raw @, : or / in a password ends no mask
# early; only the :// of the scheme is spared.
_USERINFO = re.compile(r"((?<![\w+.-])[\w+.-]+://[^\s:'\"]*|(?=:(?!//))):[^\s'\"]*@")
# A user and password without a host read like a host and a port.
_NO_PORT = re.compile(
    r"(://[^\s:/@\[\]'\"]*):(?!(?:\d+(?:[/?,][^\s@'\"]*)?)?(?:[\s'\"]|$))[^\s@'\"]+(?=[\s'\"]|$)"
)
# A raw & in a password ends no mask either, unless another parameter follows.
_PARAMETER = re.compile(
    r"(?i)((?:ssl)?password\s*=\s*)('(?:\\.|[^'\\])*'|[^\s'\"]*?(?=&[a-z_]{4,}=|[\s'\"]|$))"
)


def mask(text: str) -> str:
    """Give the text with the password of every URL and `password=` in it replaced by ***."""
    text = _USERINFO.sub(rf"\g<1>:{HIDDEN}@", text)
    text = _NO_PORT.sub(rf"\g<1>:{HIDDEN}", text)
    return _PARAMETER.sub(rf"\g<1>{HIDDEN}", text)


@dataclass(frozen=True, repr=False)
class StorageURL:
    """A checked URL of a SQLite file or a PostgreSQL database."""

    _url: sa.URL
    _shown: str

    @classmethod
    def parse(cls, text: str) -> "StorageURL":
        """Check a URL as a person writes it.

        Raises BadURL, without the password, for anything but SQLite files and PostgreSQL.
        """
        text = text.strip()
        shown = mask(_AWKWARD.sub("_", text))  # or the mask would end at a blank
        scheme, separator, rest = text.partition("://")
        if not separator:
            raise BadURL(f"storage URL {shown!r} has no scheme: {_EXAMPLES}")
        name = scheme.lower()
        if name in _SQLITE:
            return cls(_sqlite(rest, shown), text)  # there is no password to hide
        if name in _POSTGRESQL:
            return cls(_postgresql(rest, shown), shown)
        raise BadURL(_refusal(name, shown))

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a SQLite file (else it is PostgreSQL)."""
        return self._url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The absolute path of the SQLite file; None for PostgreSQL."""
        return Path(str(self._url.database)) if self.is_sqlite else None

    @property
    def masked(self) -> str:
        """The URL as it was written, with *** for the password."""
        return self._shown

    @property
    def sqlalchemy(self) -> str:
        """The URL with driver AND password, for SQLAlchemy only: never print it."""
        return self._url.render_as_string(hide_password=False)

    @property
    def user(self) -> str | None:
        """The database user named in the URL; None leaves it to libpq."""
        return self._url.username

    @property
    def database(self) -> str | None:
        """The database named in the URL (SQLite: the file); None leaves it to libpq."""
        return self._url.database

    @property
    def options(self) -> str:
        """The server options (`?options=...`) that the URL itself asks for."""
        value = self._url.query.get("options", "")
        return value if isinstance(value, str) else " ".join(value)

    @property
    def schema(self) -> str:
        """The schema that the options name first for new tables; PostgreSQL's own if none."""
        named = _SEARCH_PATH.search(self.options)
        return named[1] if named else "public"

    def asks_for(self, parameter: str) -> bool:
        """Whether the URL's query sets this connection parameter itself."""
        return parameter in self._url.query

    def scrub(self, text: str) -> str:
        """Mask URLs in the text and this URL's own password wherever else it stands."""
        for secret in self.secrets:
            # As a word of its own, or the password "on" would hide half of every sentence.
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
        return mask(text)

    @property
    def secrets(self) -> list[str]:
        """The passwords in the URL, decoded: never print them."""
        words = [self._url.password, *map(self._url.query.get, ("password", "sslpassword"))]
        return [str(word) for word in words if word]

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"StorageURL({self.masked!r})"


def _sqlite(rest: str, shown: str) -> sa.URL:
    if rest in {"", "/"} or ":memory:" in rest or "mode=memory" in rest:
        raise BadURL(
            f"storage URL {shown!r} is a database in memory, which workers cannot share: "
            "name a file, e.g. sqlite:///hpo.db"
        )
    if not rest.startswith("/"):
        raise BadURL(f"storage URL {shown!r} lacks a slash: write sqlite:///{rest}")
    if "?" in rest or "\0" in rest or rest.startswith("/file:"):
        raise BadURL(f"storage URL {shown!r}: SQLite takes a plain path, e.g. sqlite:///hpo.db")
    try:
        path = Path(unquote(rest[1:])).expanduser().absolute()
    except RuntimeError as error:  # ~name of a user there is not
        raise BadURL(f"storage URL {shown!r}: {error}") from error
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # as in a folder that was named in EUC-KR
        raise BadURL(
            f"storage URL {shown!a}: {str(path)!a} is no text in UTF-8: name a file"
            " elsewhere, or set LC_ALL=C.UTF-8"
        ) from error
    return sa.URL.create("sqlite", database=str(path))


def _postgresql(rest: str, shown: str) -> sa.URL:
    if _AWKWARD.search(rest):
        raise BadURL(
            f"storage URL {shown!r} holds a blank or a quote: percent-encode it (%20, %27, %22)"
        )
    if _SEVERAL_OR_FOLDER.match(rest):
        raise BadURL(
            f"storage URL {shown!r}: hosts with a port each, or a socket's folder, are parameters: "
            "postgresql://USER@/DATABASE?host=A,B&port=5432,5433 or ?host=/run/postgresql"
        )
    url = _read(f"postgresql+psycopg://{rest}")
    if url is None:
        raise BadURL(f"storage URL {shown!r} cannot be read: {_EXAMPLES}")
    if url.port is not None and not 0 < url.port <= MOST_PORT:
        raise BadURL(f"storage URL {shown!r}: a port is a number from 1 to {MOST_PORT}")
    if rest.count("@") > 1:  # what follows the first one would count as host, path or option
        raise BadURL(
            f"storage URL {shown!r} has more than one @: write every other @ as %40 "
            "(in a password also : as %3A, / as %2F, % as %25)"
        )
    return url


def _read(text: str) -> sa.URL | None:
    # SQLAlchemy's own error quotes the URL, password included: it must not be chained.
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        return None


def _refusal(scheme: str, shown: str) -> str:
    if scheme.startswith("postgresql+"):
        return (
            f"storage URL {shown!r}: PostgreSQL is reached through psycopg 3 only; "
            "write postgresql://..."
        )
    if scheme.startswith("sqlite+"):
        return f"storage URL {shown!r}: write sqlite:///... without a driver"
    return f"storage URL {shown!r}: {scheme} is not supported; {_EXAMPLES}"
