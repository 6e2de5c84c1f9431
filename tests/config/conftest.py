"""What the tests of `config` share: a file to load, and a configuration around a search space."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from config.load import from_mapping
from config.schema import Configuration


@pytest.fixture
def write_file(tmp_path: Path) -> Callable[[str], str]:
    """Writes a configuration file and gives its path."""

    def write(text: str, name: str = "config.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def with_space() -> Callable[..., Configuration]:
    """Makes a configuration with this search space and no pruner."""

    def make(space: Mapping[str, object], **sections: object) -> Configuration:
        optuna = {"search_space": space, "pruner": "none"}
        return from_mapping({"optuna": optuna, **sections})

    return make
