"""The dashboard's password: from the environment, compared in constant time, guessed slowly."""

import base64
import binascii
import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hpo.errors import WrongDashboard

PASSWORD = "HPO_DASHBOARD_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_FILE = f"{PASSWORD}_FILE"
USER = "HPO_DASHBOARD_USER"
DEFAULT_USER = "hpo"
SHORTEST = 12  # characters
FREE_ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
CLIENTS_KEPT = 4096


@dataclass(frozen=True)
class Credentials:
    """Who may look at the dashboard; the password is kept as a digest and shown nowhere."""

    user: str
    digest: bytes = field(repr=False)

    @classmethod
    def of(cls, user: str, password: str) -> "Credentials":
        """Keep a user's password as a digest."""
        return cls(user, _digest(user, password))

    def match(self, authorization: str) -> bool:
        """Whether an Authorization header carries these credentials.

        Digests are of one length, so the comparison tells nothing of the password's.
        """
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return False
        user, _, password = given.partition(":")
        return hmac.compare_digest(_digest(user, password), self.digest)


def _digest(user: str, password: str) -> bytes:
    return hashlib.sha256(f"{user}:{password}".encode()).digest()


def read_credentials(environ: Mapping[str, str]) -> Credentials | None:
    """The credentials that the environment asks for; None where it names no password.

    Raises WrongDashboard for a password that is too short or cannot be read.
    """
    password = environ.get(PASSWORD, "")
    file = environ.get(PASSWORD_FILE, "")
    if password and file:
        raise WrongDashboard(f"both {PASSWORD} and {PASSWORD_FILE} are set: unset one of them")
    if file:
        password = _read(Path(file))
    if not password:
        return None
    if len(password) < SHORTEST:
        raise WrongDashboard(
            f"the password of the dashboard is shorter than {SHORTEST} characters: make one with"
            f" `openssl rand -base64 18` and set {PASSWORD_FILE if file else PASSWORD}"
        )
    user = environ.get(USER) or DEFAULT_USER
    if ":" in user:
        raise WrongDashboard(f"{USER}={user}: a user's name cannot hold a colon")
    return Credentials.of(user, password)


def _read(file: Path) -> str:
    try:
        password = file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, ValueError) as error:  # ValueError: not UTF-8, or a NUL in the path
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise WrongDashboard(f"{PASSWORD_FILE}={file} cannot be read: {why}") from error
    if not password:
        raise WrongDashboard(f"{PASSWORD_FILE}={file} is empty: write the password into it")
    return password


class Throttle:
    """Makes guessing slow: after a few wrong passwords an address waits 1, 2, 4, … 60 s.

    While it waits, nothing that it sends is compared, the right password neither.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """How many seconds the address has to wait yet; 0 when it may try."""
        with self._lock:
            _, until = self._failures.get(client, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, client: str) -> None:
        """Count a wrong password."""
        with self._lock:
            count = self._failures.pop(client, (0, 0.0))[0] + 1
            wait = 0.0
            if count >= FREE_ATTEMPTS:
                wait = min(LONGEST_WAIT_S, 2.0 ** min(count - FREE_ATTEMPTS, 16))
            self._failures[client] = (count, self._clock() + wait)
            if len(self._failures) > CLIENTS_KEPT:  # memory has an end; the oldest is forgotten
                self._failures.popitem(last=False)

    def succeeded(self, client: str) -> None:
        """Forget the address's wrong passwords."""
        with self._lock:
            self._failures.pop(client, None)
