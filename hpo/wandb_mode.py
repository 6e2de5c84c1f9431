"""Whether trials are mirrored to W&B, and whether over the network, decided without wandb itself.

Nobody is ever asked for a key: a worker has no one in front of it.
"""

import configparser
import logging
import netrc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from hpo.errors import WrongInput

Wire = Literal["online", "offline"]
Mode = Literal[Wire, "disabled"]

DEFAULT_SERVER = "https://api.wandb.ai"
# What WANDB_MODE may say, and wandb's older words for it.
ENVIRONMENT_MODES: Mapping[str, Mode] = {
    "online": "online",
    "run": "online",
    "shared": "online",
    "offline": "offline",
    "dryrun": "offline",
    "disabled": "disabled",
}

log = logging.getLogger(__name__)


def resolve_mode(configured: str, environ: Mapping[str, str]) -> Mode:
    """The mode to use: WANDB_MODE before the configuration; `auto` is online where a key is found.

    Online without a key becomes offline, with a warning: nothing is lost, `wandb sync` sends it.
    """
    wanted = ENVIRONMENT_MODES.get(environ.get("WANDB_MODE", ""), configured)
    if wanted == "disabled":
        return "disabled"
    if wanted == "offline" or has_key(environ):
        return "offline" if wanted == "offline" else "online"
    if wanted == "online":
        log.warning(
            "W&B is set to online but there is no key: writing offline. "
            "Set WANDB_API_KEY or run `wandb login`."
        )
    return "offline"


def check_environment(
    environ: Mapping[str, str], configured: Callable[[], str] = lambda: "auto"
) -> None:
    """Refuse a WANDB_MODE that wandb does not know, and a WANDB_BASE_URL that is none (WrongInput).

    The one would be passed over, and with the other nothing would be written, offline neither.
    `configured` gives the configuration's mode where that matters: disabled, W&B is not used.
    """
    given = environ.get("WANDB_MODE", "")
    if given and given not in ENVIRONMENT_MODES:
        known = "online, offline or disabled"
        raise WrongInput(f"WANDB_MODE={given}: write {known}, or unset it")
    address = environ.get("WANDB_BASE_URL", "")
    if not address or is_server(address):
        return
    if (ENVIRONMENT_MODES.get(given) or configured()) != "disabled":
        raise WrongInput(  # without the value, which may hold a password
            "WANDB_BASE_URL is no server's address: write https://HOST or http://HOST:8080, or"
            " unset it"
        )


def is_server(address: str) -> bool:
    """Whether it is the address of a server that wandb can ask."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def has_key(environ: Mapping[str, str]) -> bool:
    """Whether wandb would find a key: in the environment, or in the netrc file for its server."""
    if environ.get("WANDB_API_KEY") or environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    home = home_folder(environ)
    host = urlsplit(server(environ, home)).hostname or ""
    files = [environ["NETRC"]] if environ.get("NETRC") else [home / ".netrc", home / "_netrc"]
    return any(_knows(Path(file).expanduser(), host) for file in files)


def home_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's files are; / where none is known, as for a user id without a name."""
    try:
        return Path(environ.get("HOME", "~")).expanduser()
    except RuntimeError:
        return Path("/")


def server(environ: Mapping[str, str], home: Path) -> str:
    """The W&B server's address: the environment's, or what `wandb login --host` left behind."""
    folder = environ.get("WANDB_CONFIG_DIR")
    settings = (Path(folder).expanduser() if folder else home / ".config/wandb") / "settings"
    saved = configparser.ConfigParser(interpolation=None)
    try:
        saved.read(settings, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        log.debug("W&B's settings file can't be read: %s", settings)
    kept = saved.get("default", "base_url", fallback=DEFAULT_SERVER)
    return environ.get("WANDB_BASE_URL") or kept


def _knows(file: Path, host: str) -> bool:
    try:
        login = netrc.netrc(file).hosts.get(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        return False
    return login is not None and bool(login[2])
