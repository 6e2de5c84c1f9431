"""`hpo ensemble`: from a study's kept models to a list that `hpo predict` uses."""

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.distributions import FloatDistribution
from rich.console import Console
from small_training import small_config, write_dialogues
from trained_trial import trained_trial

from config.load import from_mapping, load, to_mapping
from config.schema import Configuration
from hpo import study as studies
from hpo.cli import main
from hpo.ensemble.listing import read_list
from hpo.training import train_once
from hpo.trial_folder import trial_folder
from storage.connect import Database
from storage.url import StorageURL
from trainer.data import fingerprint, locate_data

LR = "training.learning_rate"
VALUES = (0.3, 0.1, 0.2)
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data and the models of three trials of a study `s`, kept as a worker does."""
    folder = tmp_path_factory.mktemp("search")
    data = write_dialogues(folder / "data")
    for number in range(len(VALUES)):
        config = small_config(data, folder / "outputs", num_train_epochs=1)
        general = config.general.model_copy(update={"seed": number})
        place = trial_folder(folder / "outputs" / "s", number)
        console = Console(file=io.StringIO())
        train_once(
            config.model_copy(update={"general": general}), place, overwrite=False, console=console
        )
    return folder


@pytest.fixture
def searched(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database
) -> Path:
    """The folder of the search, with the study in `database`."""
    folder = shutil.copytree(trained, tmp_path / "search")
    monkeypatch.chdir(folder)
    config = _searching(small_config(folder / "data", Path("outputs")))
    data = fingerprint(locate_data(str(folder / "data")))
    studies.create(database, "s", config, data_fingerprint=data)
    own = studies.read(database, "s").folder
    (folder / "outputs" / "s").rename(folder / "outputs" / own)
    study = optuna.load_study(study_name="s", storage=database.storage)
    for number, value in enumerate(VALUES):
        trial = trained_trial(
            params={LR: 1e-4 * (number + 1)},
            distributions={LR: FloatDistribution(1e-5, 1e-3, log=True)},
            value=value,
        )
        study.add_trial(trial)
    return folder


@pytest.fixture
def hpo(searched: Path, url: StorageURL, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HPO_STORAGE", f"sqlite:///{url.database}")
    return lambda *words: CliRunner().invoke(main, words)


def _searching(config: Configuration) -> Configuration:
    whole = to_mapping(config)
    space = {LR: {"low": 1e-5, "high": 1e-3, "log": True}}
    section = {"n_trials": 3, "sampler": "random", "pruner": "none", "search_space": space}
    return from_mapping({**whole, "optuna": section})


@pytest.mark.parametrize("combine", ["logits", "mbr"])
def test_the_list_that_comes_out_is_what_predict_takes(
    hpo: Run, searched: Path, combine: str
) -> None:
    told = hpo("ensemble", "--top", "2", "--combine", combine, "--out", "list.json")
    assert told.exit_code == 0, told.output
    lines = told.output.splitlines()
    assert lines[0].startswith(f"3 models of 's', combined by {combine}, rouge_combined_f1")
    assert "alone;" in lines[1]
    assert "adds" in lines[2]
    assert lines[-1] == "written to list.json; next: hpo predict --models list.json --data FILE"
    listed = read_list(Path("list.json"))
    assert listed.combine == combine
    assert 1 <= len(listed.models) <= 2
    facts = json.loads(Path("list.json").read_text())
    assert facts["dev_dialogues"] == 4
    assert facts["score"] == max(step["score"] for step in facts["steps"])
    predicted = hpo("predict", "--models", "list.json", "--data", "data/test.csv", "--out", "o.csv")
    assert predicted.exit_code == 0, predicted.output


def test_trials_whose_model_is_elsewhere_are_named_with_the_way_to_make_it(
    hpo: Run, database: Database
) -> None:
    place = f"outputs/{studies.read(database, 's').folder}/trial_00000"
    shutil.rmtree(place)
    told = hpo("ensemble", "--top", "1", "--exports", "configs")
    assert told.exit_code == 0, told.output
    assert f"trial 0 (0.3000) is left out: no model in {place}" in told.output
    command = f"hpo train --config configs/trial_00000.yaml --output {place}"
    assert f"make it again: {command}" in told.output
    assert load("configs/trial_00000.yaml").training.learning_rate == 1e-4
    assert "2 models of 's'" in told.output
    again = hpo(*command.split()[1:])
    assert again.exit_code == 0, again.output
    assert "3 models of 's'" in hpo("ensemble", "--top", "1").output


def test_without_models_here_it_says_where_to_look(hpo: Run, searched: Path) -> None:
    told = hpo("ensemble", "--output", "elsewhere", "--out", "list.json")
    assert told.exit_code == 1
    assert "none of the best trials of 's' (3) has its model here; say with --output" in told.output
    assert not Path("list.json").exists()


def test_only_the_best_trials_are_tried(hpo: Run) -> None:
    told = hpo("ensemble", "--among", "2", "--top", "9")
    assert told.exit_code == 0, told.output
    assert "2 models of 's'" in told.output


def test_what_cannot_be_is_refused_before_the_work(hpo: Run) -> None:
    told = hpo("ensemble", "--candidates", "2")
    assert told.exit_code == 2
    assert "--candidates is for --combine mbr" in told.output
    told = hpo("ensemble", "--out", "no/list.json")
    assert told.exit_code == 1
    assert "there is no folder no" in told.output
    told = hpo("ensemble", "--combine", "mbr", "--candidates", "2")
    assert told.exit_code == 1
    assert "searches with 1 beam, which gives no 2 candidates" in told.output
