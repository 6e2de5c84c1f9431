"""A study database on SQLite and configurations to search, none of which needs torch."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest

from config.load import from_mapping
from config.schema import Configuration
from storage.connect import Database, connect
from storage.url import StorageURL

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
BATCH = "training.per_device_train_batch_size"

SPACE: dict[str, Any] = {
    LR: {"low": 1e-5, "high": 5e-4, "log": True},
    EPOCHS: {"type": "int", "low": 3, "high": 9, "step": 3},
    BATCH: {"choices": [8, 16, 32]},
}


@pytest.fixture(autouse=True)
def quiet_optuna() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with every table in it; making them takes a second, copying them nothing."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    connect(StorageURL.parse(f"sqlite:///{path}")).close()
    return path


@pytest.fixture
def url(tmp_path: Path, empty_database: Path) -> StorageURL:
    shutil.copy(empty_database, tmp_path / "hpo.db")
    return StorageURL.parse(f"sqlite:///{tmp_path}/hpo.db")


@pytest.fixture
def database(url: StorageURL) -> Iterator[Database]:
    with connect(url) as opened:
        yield opened


@pytest.fixture
def configured() -> Callable[..., Configuration]:
    """Make a configuration; keywords are those of the optuna section, `space` the search space."""

    def make(space: dict[str, Any] | None = None, **optuna_section: Any) -> Configuration:
        section = {
            "search_space": SPACE if space is None else space,
            "pruner": {"name": "median", "n_startup_trials": 3, "n_warmup_steps": 2},
            **optuna_section,
        }
        return from_mapping({"optuna": section})

    return make
