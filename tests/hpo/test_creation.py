"""From a preset or file to a pinned study, and what is said when that cannot be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_training import write_dialogues

from config.errors import ConfigError
from config.load import load
from config.schema import Configuration
from hpo import study as studies
from hpo.creation import create_study, describe, ensure_study, prepare_database
from hpo.errors import HpoError, StudyDiffers, WorkerRefused
from hpo.opening import open_database
from storage.connect import Database
from storage.errors import NoDatabase
from trainer.data import fingerprint, locate_data
from trainer.errors import DataError


@pytest.fixture
def mine(tmp_path: Path) -> str:
    """A configuration file of one's own, on the data that ship with hpo."""
    path = tmp_path / "mine.yaml"
    path.write_text("preset: demo\noptuna: {n_trials: 5}\n", encoding="utf-8")
    return str(path)


def test_the_preset_of_the_studys_name_is_taken(database: Database) -> None:
    made = create_study(database, "demo", source=None)
    assert made.new
    assert made.summary == (
        "12 trials over 4 parameters, curve_tpe sampler, extrapolation pruner,"
        " rouge_combined_f1 (morpheme)"
    )
    pinned = studies.read(database, "demo")
    assert pinned.config == load("demo")
    assert pinned.data == fingerprint(locate_data("sample:dialogues"))


def test_a_name_that_is_no_preset_lists_the_presets(database: Database) -> None:
    with pytest.raises(HpoError, match="--config with a file or one of: baseline, demo, kobart"):
        create_study(database, "mine", source=None)
    assert not studies.exists(database, "mine")


def test_file_and_overrides_and_environment_are_pinned_together(
    database: Database, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HPO__GENERAL__SEED", "9")
    create_study(database, "s", source=mine, overrides=["training.weight_decay=0.02"])
    config = studies.read(database, "s").config
    assert config.optuna.n_trials == 5
    assert config.training.weight_decay == 0.02
    assert config.general.seed == 9


def test_creating_the_same_again_changes_nothing(database: Database, mine: str) -> None:
    assert create_study(database, "s", source=mine).new
    before = studies.read(database, "s")
    again = create_study(database, "s", source=mine)
    assert not again.new
    assert again.summary.startswith("5 trials over")
    assert studies.read(database, "s") == before


def test_another_configuration_is_refused_with_the_difference(
    database: Database, mine: str
) -> None:
    create_study(database, "s", source=mine)
    with pytest.raises(StudyDiffers, match=r"optuna\.n_trials: pinned 5, given 4"):
        create_study(database, "s", source=mine, overrides=["optuna.n_trials=4"])
    with pytest.raises(StudyDiffers, match=r"general\.seed: pinned 42, given 8"):
        create_study(database, "s", source=None, overrides=["general.seed=8"])


def test_other_data_are_refused(database: Database, mine: str, tmp_path: Path) -> None:
    create_study(database, "s", source=mine)
    other = write_dialogues(tmp_path / "other")
    with pytest.raises(WorkerRefused, match="data"):
        create_study(database, "s", source=mine, data=str(other))


def test_the_data_that_were_named_are_the_ones_workers_look_for(
    database: Database, mine: str, tmp_path: Path
) -> None:
    folder = write_dialogues(tmp_path / "my data")
    create_study(database, "s", source=mine, data=str(folder))
    pinned = studies.read(database, "s")
    assert pinned.data == fingerprint(locate_data(str(folder)))
    assert pinned.config.general.data_path == str(folder)


@pytest.mark.parametrize(
    ("override", "error"),
    [
        ("general.data_path=./nowhere", DataError),
        ("training.learning_rat=1e-4", ConfigError),
        ("optuna.search_space={training.learning_rate: {low: -1.0, high: 1.0}}", ConfigError),
    ],
)
def test_what_cannot_work_leaves_no_study(
    database: Database, mine: str, override: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        create_study(database, "s", source=mine, overrides=[override])
    assert not studies.exists(database, "s")


@pytest.mark.parametrize(
    ("name", "given", "error"),
    [
        ("s", {"source": "nope.yaml"}, ConfigError),
        ("s", {"source": "demo", "overrides": ["optuna.n_trials=0"]}, ConfigError),
        ("s", {"source": "demo", "data": "nowhere"}, DataError),
        ("s", {"source": None}, HpoError),
        (" ", {"source": "demo"}, HpoError),
        (None, {"source": "demo"}, NoDatabase),
    ],
)
def test_no_database_is_made_for_what_cannot_work(
    tmp_path: Path, name: str | None, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        prepare_database(f"sqlite:///{tmp_path}/new.db", name, **given)
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_made_for_what_can(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    prepare_database(url, "s", source="demo")
    with open_database(url) as database:
        assert not studies.exists(database, "s")
    prepare_database(url, "s", source="not looked at")


def test_a_worker_creates_the_study_once(database: Database) -> None:
    assert ensure_study(database, "demo", source=None) == "demo"
    before = studies.read(database, "demo")
    assert ensure_study(database, "demo", source=None) == "demo"
    assert studies.read(database, "demo") == before


def test_a_setting_that_no_trial_will_have_is_said_once(database: Database) -> None:
    given = {"source": "demo", "overrides": ["training.learning_rate=1e-3"]}
    said: list[str] = []
    ensure_study(database, "s", **given, warn=said.append)
    ensure_study(database, "s", **given, warn=said.append)
    assert create_study(database, "t", **given).warnings == tuple(said)
    assert len(said) == 1
    assert create_study(database, "t", **given).warnings == ()


def test_a_pruner_that_stops_no_trial_is_said(database: Database) -> None:
    space = "optuna.search_space.training.num_train_epochs={choices: [2, 3]}"
    (said,) = create_study(database, "s", source="demo", overrides=[space]).warnings
    assert said.startswith("no trial can be pruned, for extrapolation stops none before")


def test_a_worker_takes_a_study_as_it_is_pinned(
    database: Database, mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_study(database, "kobart", source=mine)
    monkeypatch.setenv("HPO__OPTUNA__N_TRIALS", "99")
    assert ensure_study(database, "kobart", source=None) == "kobart"
    assert ensure_study(database, None, source=None) == "kobart"
    assert studies.read(database, "kobart").config.optuna.n_trials == 5


def test_a_worker_with_another_configuration_is_refused(database: Database, mine: str) -> None:
    create_study(database, "s", source=mine)
    assert ensure_study(database, "s", source=mine) == "s"
    with pytest.raises(StudyDiffers):
        ensure_study(database, "s", source="demo")


def test_overrides_alone_do_not_change_a_study_that_exists(database: Database, mine: str) -> None:
    create_study(database, "s", source=mine)
    with pytest.raises(HpoError, match="'s' exists and its configuration is pinned; leave -o out"):
        ensure_study(database, "s", source=None, overrides=["optuna.n_trials=6"])
    assert studies.read(database, "s").config.optuna.n_trials == 5


def test_a_space_smaller_than_the_budget_is_said(
    configured: Callable[..., Configuration],
) -> None:
    space = {"training.per_device_train_batch_size": {"choices": [4, 8, 16]}}
    said = describe(configured(space=space, n_trials=10))
    assert said.startswith("3 trials (the search space has no more combinations) over 1 parameter,")
