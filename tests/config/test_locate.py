"""What ships with the project is named `sample:…`."""

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.sample import locate


@pytest.mark.parametrize("name", ["dialogues", "model"])
def test_a_sample_is_a_folder_beside_the_code(name):
    assert locate(f"sample:{name}").is_dir()


def test_anything_else_is_a_path():
    assert locate("data/x") == Path("data/x")
    assert locate("~/x") == Path.home() / "x"


@pytest.mark.parametrize("name", ["", "topics", "../presets", "model/.."])
def test_another_sample_is_refused(name):
    with pytest.raises(ConfigError, match="there are sample:dialogues and sample:model"):
        locate(f"sample:{name}")
