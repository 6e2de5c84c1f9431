"""`hpo train --artifact`: what W&B is given of a model, offline and online, and when it is down."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wandb_server
from click.testing import CliRunner, Result
from small_training import small_config, write_dialogues
from wandb_file import OfflineRun, runs

from config.load import dump, from_mapping, to_mapping
from hpo.cli import main

KEY = "deadbeef0123456789abcdefdeadbeefmark3d00"
FILES = {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "scores.json",
    "settings.yaml",
    "tokenizer.json",
    "tokenizer_config.json",
}
GIVEN = ("--config", "best.yaml", "--output", "model", "--artifact", "--overwrite")
Train = Callable[..., Result]


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run `hpo train --artifact` on a configuration that a study exported."""
    data = write_dialogues(tmp_path / "data")
    config = to_mapping(small_config(data, tmp_path / "outputs", num_train_epochs=1))
    config["wandb"] |= {"mode": "auto", "project": "kobart", "tags": ["final"]}
    config["provenance"] = {
        "study": "kobart 2025",
        "trial": 3,
        "value": 0.5,
        "epoch": 1.0,
        "checkpoint": "/home/somebody/model",
        "note": f"who put the key here? {KEY}",
    }
    (tmp_path / "best.yaml").write_text(dump(from_mapping(config)), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setattr("hpo.wandb_run.INIT_TIMEOUT_S", 3)

    def run(*options: str, **environ: str) -> Result:
        return CliRunner(env=environ).invoke(main, ["train", *GIVEN, *options])

    return run


def offline_run(folder: Path) -> OfflineRun:
    (run,) = runs(folder)
    return run


def test_offline_the_run_holds_the_model_with_its_provenance_and_sync_sends_it(
    train: Train, tmp_path: Path
) -> None:
    result = train("--all-data")
    assert result.exit_code == 0, result.output
    folder = tmp_path / "model"
    run = offline_run(folder)
    (artifact,) = run.artifacts
    assert artifact.kind == "model"
    assert artifact.name == "sample_lr5e-3_bs4_ep1_kobart-2025_trial3"
    assert artifact.files == {name: folder / name for name in FILES}
    assert artifact.metadata["provenance"]["trial"] == 3
    assert artifact.metadata["configuration"]["training"]["num_train_epochs"] == 1
    assert artifact.metadata["value"] is None
    assert artifact.metadata["trained_on"].startswith("train and dev")
    assert len(artifact.metadata["data_fingerprint"]) == 64
    assert {"torch", "transformers"} <= artifact.metadata["versions"].keys()
    assert "somebody" not in json.dumps(artifact.metadata)
    assert (run.project, run.group, run.exit_code) == ("kobart", "kobart 2025", 0)

    *_, says, command = result.stdout.strip().splitlines()
    assert says == f"logged to W&B as the model {artifact.name}"
    told = command.removeprefix("send it with: wandb sync ")
    with wandb_server.serving() as server:
        wandb = Path(sys.executable).with_name("wandb")
        environ = os.environ | {"WANDB_BASE_URL": server.url, "WANDB_API_KEY": KEY}
        environ.pop("WANDB_MODE", None)
        subprocess.run(
            [wandb, "sync", told], cwd=tmp_path, env=environ, check=True, capture_output=True
        )
        (sent,) = server.artifacts
    assert sent.committed
    assert sent.fields["artifactTypeName"] == "model"
    assert {name: (folder / name).read_bytes() for name in FILES} == {
        name: sent.files[name] for name in FILES
    }


def test_online_the_server_has_the_model_and_the_key_stands_nowhere(
    train: Train, tmp_path: Path
) -> None:
    with wandb_server.serving() as server:
        result = train(WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
        assert result.exit_code == 0, result.output
        (sent,) = server.artifacts
        assert not any(KEY in body for body in server.bodies)
    assert sent.committed
    assert sent.files.keys() >= FILES
    metadata = json.loads(sent.fields["metadata"])
    assert metadata["value"] == json.loads(sent.files["scores.json"])["value"]
    assert "***" in metadata["provenance"]["note"]
    assert "wandb sync" not in result.stdout
    assert KEY not in result.output
    own = [path for path in (tmp_path / "model").iterdir() if path.name == "wandb"]
    files = [path for folder in own for path in folder.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in path.read_bytes() for path in files)


def test_a_server_that_is_down_leaves_the_model_and_an_offline_run(
    train: Train, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    result = train(WANDB_API_KEY=KEY, WANDB_BASE_URL="http://127.0.0.1:9")
    assert result.exit_code == 0, result.output
    assert caplog.messages[-1].startswith("W&B did not take the model (")
    assert caplog.messages[-1].endswith("): writing an offline run")
    assert "\nsend it with: wandb sync model/wandb/offline-run-" in result.stdout
    held = [run for run in runs(tmp_path / "model") if run.artifacts]
    assert len(held) == 1
    assert held[0].artifacts[0].files.keys() == FILES
    assert all((tmp_path / "model" / name).is_file() for name in FILES)
    assert KEY not in result.output + caplog.text


def test_where_wandb_is_disabled_nothing_is_trained(train: Train, tmp_path: Path) -> None:
    result = train(WANDB_MODE="disabled")
    assert result.exit_code == 2
    assert "--artifact needs W&B, but it is disabled" in result.stderr
    assert not (tmp_path / "model").exists()
