"""What is written to a full disk: said plainly, and never left half done."""

import io
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from optuna.trial import create_trial
from rich.console import Console
from small_training import small_config, write_dialogues

import hpo.predicting
from hpo.cli import main
from hpo.errors import HpoError
from hpo.predicting import write_predictions
from hpo.training import train_once
from hpo.trial_info import Ending, TrialInfo
from hpo.wandb_mirror import open_mirror
from storage.connect import connect
from storage.url import StorageURL
from trainer.array_cache import cached_arrays
from trainer.errors import SubmissionError
from trainer.pretrained import read_model
from trainer.submission import Prediction

ROOM = 150 * 1024  # bytes: a few studies
FULL = "No space left on device"
Left = Callable[[Path], set[str]]


def hpo_fails(*words: str) -> str:
    result = CliRunner().invoke(main, words, prog_name="hpo")
    assert result.exit_code == 1, result.output
    assert result.output.count("Error: ") == 1
    assert len(result.output.splitlines()) == 1
    return result.output


def test_a_database_on_a_full_disk_is_said_and_no_study_is_made(
    full_disk: Path, left: Left
) -> None:
    said = hpo_fails("create", "-s", "s", "-c", "demo", "--storage", f"sqlite:///{full_disk}/a.db")
    assert "full" in said
    assert str(full_disk / "a.db") in said
    (full_disk / "filler").unlink()
    again = ("create", "-s", "s", "-c", "demo", "--storage", f"sqlite:///{full_disk}/a.db")
    assert "created" in CliRunner().invoke(main, again, prog_name="hpo").output


def test_a_study_in_a_database_that_cannot_grow_is_whole_or_not_there(
    small_disk: Path, tmp_path: Path, fill: Callable[[Path], None]
) -> None:
    url = f"sqlite:///{small_disk}/hpo.db"
    connect(StorageURL.parse(url)).close()
    fill(small_disk)
    os.truncate(small_disk / "filler", (small_disk / "filler").stat().st_size - ROOM)
    made = []
    for number in range(200):
        words = ("create", "-s", f"s{number}", "-c", "demo", "--storage", url)
        result = CliRunner().invoke(main, words, prog_name="hpo")
        if result.exit_code:
            break
        made.append(f"s{number}")
    assert result.exit_code == 1
    assert "full" in result.output
    assert len(result.output.splitlines()) == 1
    for file in small_disk.glob("hpo.db*"):  # its log too: the last study may be there alone
        shutil.copy(file, tmp_path)
    room = f"sqlite:///{tmp_path}/hpo.db"
    for name in made[-2:]:
        whole = CliRunner().invoke(main, ("status", "-s", name, "--storage", room))
        assert whole.exit_code == 0, whole.output
    words = ("create", "-s", f"s{len(made)}", "-c", "demo", "--storage", room)
    assert "created" in CliRunner().invoke(main, words, prog_name="hpo").output


@pytest.fixture
def winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study with one completed trial, in the storage that commands use."""
    monkeypatch.setenv("HPO_STORAGE", f"sqlite:///{tmp_path}/hpo.db")
    created = CliRunner().invoke(
        main, ["create", "-s", "s", "-c", "baseline", "--data", "sample:dialogues"], prog_name="hpo"
    )
    assert created.exit_code == 0, created.output
    with connect(StorageURL.parse(f"sqlite:///{tmp_path}/hpo.db")) as database:
        study_id = database.storage.get_study_id_from_name("s")
        attributes = {"hpo:best_epoch": 1.0, "hpo:machine": {}, "hpo:checkpoint": ""}
        trial = create_trial(value=0.5, user_attrs=attributes)
        database.storage.create_new_trial(study_id, template_trial=trial)


def test_an_export_to_a_full_disk_leaves_the_old_file(
    winner: None, small_disk: Path, left: Left, fill: Callable[[Path], None]
) -> None:
    target = small_disk / "config.yaml"
    target.write_text("old\n", encoding="utf-8")
    fill(small_disk)
    assert f"cannot write {target}: {FULL}" in hpo_fails("best", "-s", "s", "--export", str(target))
    assert target.read_text(encoding="utf-8") == "old\n"
    assert left(small_disk) == {"config.yaml"}


PREDICTIONS = [Prediction(f"test_{number}", "요약 " * 100) for number in range(3)]


@pytest.mark.parametrize(("submission", "error"), [(True, SubmissionError), (False, HpoError)])
def test_predictions_on_a_full_disk_are_no_file(
    full_disk: Path, tmp_path: Path, left: Left, monkeypatch, *, submission: bool, error
) -> None:
    rows = "".join(f"{each.fname},x\n" for each in PREDICTIONS)
    (tmp_path / "test.csv").write_text(f"fname,dialogue\n{rows}", encoding="utf-8")
    monkeypatch.setattr(hpo.predicting, "predict", lambda *_, **__: PREDICTIONS)
    with pytest.raises(error, match=FULL):
        write_predictions(
            tmp_path, tmp_path / "test.csv", full_disk / "out.csv", submission=submission
        )
    assert left(full_disk) == set()


def test_a_full_cache_costs_no_training(full_disk: Path, left: Left, caplog) -> None:
    def make() -> dict[str, np.ndarray]:
        return {"ids": np.arange(10_000, dtype=np.int32)}

    with caplog.at_level(logging.WARNING):
        arrays = cached_arrays(full_disk / "cache", "key", make)
    assert arrays["ids"].sum() == make()["ids"].sum()
    assert "going on without" in caplog.text
    assert left(full_disk) <= {"cache"}
    assert not list(full_disk.rglob("*.safetensors")) + list(full_disk.rglob("*.partial"))


def test_a_training_whose_model_does_not_fit_says_so(small_disk: Path, tmp_path: Path) -> None:
    config = small_config(write_dialogues(tmp_path / "data"), small_disk / "outputs")
    output = small_disk / "model"
    with pytest.raises(HpoError, match=f"could not be written to {output}; free space"):
        train_once(config, output, overwrite=False, console=Console(file=io.StringIO()))
    assert not list(small_disk.rglob("*.partial"))
    for model in output.glob("evaluation-*"):  # an earlier one may have fitted: then it is whole
        read_model(str(model))


def test_wandb_on_a_full_disk_stops_nobody(full_disk: Path, tmp_path: Path, caplog, capfd) -> None:
    config = small_config(write_dialogues(tmp_path / "data"), full_disk)
    config = config.model_copy(
        update={"wandb": config.wandb.model_copy(update={"mode": "offline"})}
    )
    mirror = open_mirror(config, full_disk, {})
    info = TrialInfo(
        study="s", number=0, run_id="s-t0", name="n", metric="rouge1", settings={}, params={}
    )
    mirror.start(info)
    mirror.evaluation({"step": 1, "epoch": 1.0, "rouge1": 0.1})
    mirror.finish(Ending("complete", value=0.1, reason=None, seconds=1.0))
    mirror.close(20)
    assert "the offline run is cut off (disk full, or wandb ended)" in caplog.text
    assert capfd.readouterr() == ("", "")  # nothing of wandb's own, line after line
