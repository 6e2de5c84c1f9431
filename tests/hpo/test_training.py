"""`hpo train`: what it leaves in its folder, and how it ends."""

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console
from small_training import small_config, write_dialogues

import trainer.fit
from config.load import dump, load
from config.schema import Configuration
from hpo.cli import main
from hpo.errors import HpoError
from hpo.stop import Stopped
from hpo.training import train_once
from hpo.training_configuration import load_for_training
from trainer.data import fingerprint, locate_data
from trainer.errors import DataError, TrainerError
from trainer.evaluation import Evaluation, FitResult
from trainer.fit import OnEvaluation, OnStep
from trainer.predict import predict
from trainer.session import TrainingSession

MODEL_FILES = {"config.json", "model.safetensors", "settings.yaml", "tokenizer.json"}
OTHER = {"learning_rate": 0.02}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data"))


@pytest.fixture
def config(data: Path, tmp_path: Path) -> Configuration:
    return small_config(data, tmp_path / "outputs")


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def train(
    config: Configuration, folder: Path, console: Console, *, overwrite: bool = False
) -> FitResult:
    return train_once(config, folder, overwrite=overwrite, console=console)


def scores_in(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


def interrupt_at(monkeypatch: pytest.MonkeyPatch, evaluation: int) -> None:
    """Press Ctrl-C after that many evaluations; 0 is before the first step."""
    real = trainer.fit.fit

    def press() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def fit(
        config: Configuration,
        on_evaluation: OnEvaluation,
        *,
        session: TrainingSession,
        output_dir: Path,
        on_step: OnStep,
    ) -> FitResult:
        def pressing(found: Evaluation) -> bool:
            goes_on = on_evaluation(found)
            if found.step == evaluation:
                press()
            return goes_on

        if evaluation == 0:
            press()
        return real(config, pressing, session=session, output_dir=output_dir, on_step=on_step)

    monkeypatch.setattr("hpo.training.fit", fit)


def test_the_best_model_lies_beside_the_scores_of_every_evaluation(
    data: Path, config: Configuration, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "model"
    result = train(config, folder, console)
    assert {path.name for path in folder.iterdir()} >= {*MODEL_FILES, "scores.json"}
    assert not list(folder.glob("*evaluation-*"))
    report = scores_in(folder)
    assert [each["step"] for each in report["evaluations"]] == [1, 2, 3]
    assert report["value"] == result.best.scores.rouge_combined_f1
    assert load(str(folder / "settings.yaml")) == config
    assert len(predict(folder, data / "test.csv")) == 3


def test_each_evaluation_is_shown_beside_the_best_so_far(
    config: Configuration, tmp_path: Path, console: Console
) -> None:
    train(config, tmp_path / "model", console)
    lines = shown(console).splitlines()
    assert [line.split()[:2] for line in lines] == [["epoch", f"{n}/3"] for n in (1, 2, 3)]
    assert "best none yet" in lines[0]
    assert "best 0." in lines[1]
    assert "trial" not in shown(console)


def test_a_folder_that_holds_a_model_is_refused(
    config: Configuration, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "model"
    train(config, folder, console)
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(HpoError, match=r"holds a model already; .*--overwrite"):
        train(config, folder, console)
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_model_is_replaced_when_asked_for(
    data: Path, config: Configuration, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "model"
    train(config, folder, console)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    other = small_config(data, tmp_path / "outputs", num_train_epochs=1, **OTHER)
    train(other, folder, console, overwrite=True)
    assert load(str(folder / "settings.yaml")) == other
    assert len(scores_in(folder)["evaluations"]) == 1
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_training_twice_gives_the_same_scores(
    config: Configuration, tmp_path: Path, console: Console
) -> None:
    first = train(config, tmp_path / "one", console)
    again = train(config, tmp_path / "two", console)
    assert [e.scores for e in first.evaluations] == [e.scores for e in again.evaluations]
    assert [e.eval_loss for e in first.evaluations] == [e.eval_loss for e in again.evaluations]


def with_data_of(config: Configuration, found: str) -> Configuration:
    return config.model_copy(update={"provenance": {"study": "s", "data_fingerprint": found}})


def test_other_data_than_the_trials_gives_a_warning_and_a_model(
    config: Configuration, tmp_path: Path, console: Console
) -> None:
    train(with_data_of(config, "0123456789abcdef"), tmp_path / "model", console)
    assert "is not what the trial was trained on (0123456789ab): expect another score" in shown(
        console
    )
    assert (tmp_path / "model" / "config.json").exists()


def test_the_trials_own_data_gives_no_warning(
    data: Path, config: Configuration, tmp_path: Path, console: Console
) -> None:
    same = fingerprint(locate_data(str(data)))
    train(with_data_of(config, same), tmp_path / "model", console)
    assert "expect another score" not in shown(console)


@pytest.mark.parametrize(("wanted", "warned"), [("fp32", False), ("bf16", True)])
def test_another_precision_than_the_trials_is_said(
    config: Configuration, tmp_path: Path, console: Console, wanted: str, warned: bool
) -> None:
    exported = config.model_copy(
        update={
            "training": config.training.model_copy(update={"precision": "fp32"}),
            "provenance": {"machine": {"precision": wanted}},
        }
    )
    train(exported, tmp_path / "model", console)
    text = "the trial was trained in bf16, here it is fp32 (fp32 is configured): expect another"
    assert (text in shown(console)) == warned


def test_a_trial_of_two_machines_is_said_to_score_otherwise(
    config: Configuration, tmp_path: Path, console: Console
) -> None:
    machine = {"precision": "fp32", "begun_on": ["cpu in fp32 with 8 threads"]}
    exported = config.model_copy(update={"provenance": {"machine": machine}})
    train(exported, tmp_path / "model", console)
    said = "the trial was begun on cpu in fp32 with 8 threads and went on elsewhere: expect"
    assert said in shown(console)


def test_data_that_are_not_there_leave_no_folder(tmp_path: Path, console: Console) -> None:
    config = small_config(tmp_path / "nowhere", tmp_path / "outputs")
    with pytest.raises(DataError, match="nowhere"):
        train(config, tmp_path / "model", console)
    assert not (tmp_path / "model").exists()


def test_a_training_that_cannot_start_leaves_the_old_model(
    data: Path, config: Configuration, tmp_path: Path, console: Console
) -> None:
    folder = tmp_path / "model"
    train(config, folder, console)
    broken = small_config(data, tmp_path / "outputs", evaluations_per_epoch=50)
    with pytest.raises(TrainerError, match="evaluations_per_epoch"):
        train(broken, folder, console, overwrite=True)
    assert load(str(folder / "settings.yaml")) == config
    assert predict(folder, data / "test.csv")


def test_ctrl_c_leaves_the_best_model_so_far_whole(
    data: Path,
    config: Configuration,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "model"
    interrupt_at(monkeypatch, 1)
    with pytest.raises(Stopped):
        train(config, folder, console)
    assert len(scores_in(folder)["evaluations"]) == 1
    assert sorted(path.name for path in folder.iterdir()) == ["evaluation-1", "scores.json"]
    assert {path.name for path in (folder / "evaluation-1").iterdir()} >= MODEL_FILES
    assert len(predict(folder, data / "test.csv")) == 3

    monkeypatch.undo()
    train(config, folder, console)  # it holds no finished model, so nothing need be overwritten
    assert not list(folder.glob("evaluation-*"))


def test_ctrl_c_while_a_model_is_replaced_never_mixes_old_and_new(
    data: Path,
    config: Configuration,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "model"
    train(config, folder, console)
    other = small_config(data, tmp_path / "outputs", **OTHER)
    for evaluation, settings in ((0, config), (1, other)):
        with monkeypatch.context() as patched:
            interrupt_at(patched, evaluation)
            with pytest.raises(Stopped):
                train(other, folder, console, overwrite=True)
        found = list(folder.rglob("settings.yaml"))
        assert [load(str(path)) for path in found] == [settings]
        assert predict(folder, data / "test.csv")
        assert not list(folder.rglob("*.partial"))


@pytest.mark.parametrize(
    ("evaluation", "says"),
    [
        (0, "training stopped as asked\n"),
        (2, "training stopped as asked; the best model so far is in model\n"),
    ],
)
def test_ctrl_c_is_one_plain_line_and_its_exit_status(
    config: Configuration,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    evaluation: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(dump(config), encoding="utf-8")
    interrupt_at(monkeypatch, evaluation)
    result = CliRunner().invoke(main, ["train", "--config", "mine.yaml", "--output", "model"])
    assert result.exit_code == 130
    assert result.stderr == says


def test_the_command_trains_an_exported_configuration(
    config: Configuration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(dump(config), encoding="utf-8")
    result = CliRunner().invoke(main, ["train", "--config", "mine.yaml", "--output", "model"])
    assert result.exit_code == 0, result.output
    *_, best, where = result.output.strip().splitlines()
    assert best.startswith("best: rouge_combined_f1 0.")
    assert where == "model and scores.json in model"


def test_flags_replace_what_the_configuration_says() -> None:
    loaded = load_for_training(
        "demo", overrides=["training.learning_rate=1e-3"], data="folder/of mine", seed=7
    )
    assert loaded.general.data_path == "folder/of mine"
    assert loaded.general.seed == 7
    assert loaded.training.learning_rate == 1e-3


def test_without_flags_the_configuration_stands() -> None:
    assert load_for_training("demo", overrides=(), data=None, seed=None) == load("demo")
