"""What ships with the project: `sample:dialogues` and `sample:model` name it in a configuration."""

from __future__ import annotations

from pathlib import Path

from config.errors import ConfigError

PREFIX = "sample:"
HERE = Path(__file__).parent
SHIPPED = ("dialogues", "model")


def locate(path: str) -> Path:
    """Give the folder or file that a configuration names; raises ConfigError for no such sample."""
    if not path.startswith(PREFIX):
        return Path(path).expanduser()
    name = path.removeprefix(PREFIX)
    if name not in SHIPPED:
        names = " and ".join(f"{PREFIX}{one}" for one in SHIPPED)
        raise ConfigError(f"{path} does not ship with hpo; there are {names}")
    return HERE / name
