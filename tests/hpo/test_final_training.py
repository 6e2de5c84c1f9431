"""`hpo train --all-data`: how long it trains, on what, and what it says of the score."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from small_training import ROWS, small_config, write_dialogues

from config.load import dump, from_mapping, to_mapping
from config.schema import Configuration
from hpo.cli import main
from trainer.data import fingerprint, locate_data
from trainer.errors import TrainerError
from trainer.loop import Loop
from trainer.predict import predict
from trainer.scores import score_of

BOTH = ROWS["train.csv"] + ROWS["dev.csv"]
EPOCHS = 3
BATCH = 4


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dialogues(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Train an exported configuration on all data; the trial was best at `epoch`."""
    monkeypatch.chdir(tmp_path)

    def train(*options: str, epoch: object = 2.0, config: Configuration | None = None) -> Result:
        given = config or exported(data, tmp_path, epoch)
        (tmp_path / "best.yaml").write_text(dump(given), encoding="utf-8")
        command = ["train", "--config", "best.yaml", "--output", "final", "--all-data"]
        return CliRunner().invoke(main, [*command, *options])

    return train


def exported(data: Path, folder: Path, epoch: object, **training: object) -> Configuration:
    config = small_config(
        data, folder / "outputs", num_train_epochs=EPOCHS, learning_rate=0.01, **training
    )
    provenance = {
        "study": "s",
        "trial": 3,
        "metric": config.metric.name,
        "value": 0.5,
        "epoch": epoch,
        "checkpoint": "/home/somebody/model",
        "data_fingerprint": fingerprint(locate_data(str(data))),
    }
    return from_mapping({**to_mapping(config), "provenance": provenance})


def test_it_trains_on_train_and_dev_up_to_the_best_epoch_and_keeps_the_last_model(
    run: Any, data: Path, tmp_path: Path
) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    *_, line, where = result.output.strip().splitlines()
    assert line == (
        f"trained on train and dev: {BOTH} examples, 2 epochs of a plan of {EPOCHS}; "
        "no set is left to score it on"
    )
    assert where == "model and scores.json in final"
    scores = json.loads((tmp_path / "final" / "scores.json").read_text(encoding="utf-8"))
    assert (scores["value"], scores["best"], scores["evaluations"]) == (None, None, [])
    assert scores["trained_on"].startswith("train and dev: no set is left to score this model on")
    assert scores["training"]["epochs"] == 2.0
    assert len(scores["training"]["train_losses"]) == 2
    assert scores["search"]["value"] == 0.5
    assert "checkpoint" not in scores["search"]
    assert not list((tmp_path / "final").glob("evaluation-*"))
    assert len(predict(tmp_path / "final", data / "test.csv")) == ROWS["test.csv"]
    with pytest.raises(TrainerError, match="was trained on dev too: it has no dev score"):
        score_of(tmp_path / "final")


@pytest.mark.parametrize("best", [(1.0, 2), (1.5, 3), (3.0, 6)])
def test_the_learning_rate_is_that_of_the_whole_plan_up_to_where_it_ends(
    run: Any,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    best: tuple[float, int],
) -> None:
    epoch, evaluations = best
    rates: list[float] = []
    real = Loop.training_step

    def watched(self: Loop, *args: Any, **kwargs: Any) -> Any:
        rates.append(self.optimizer.param_groups[0]["lr"])
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Loop, "training_step", watched)
    config = exported(data, tmp_path, epoch, evaluations_per_epoch=2, warmup_ratio=0.0)
    assert run(config=config).exit_code == 0
    steps = -(-BOTH // BATCH)
    total = steps * EPOCHS
    ends = (evaluations // 2) * steps + (2 if evaluations % 2 else 0)  # 3 steps: 1.5 is behind 2
    linear = [0.01 * (1 - step / total) for step in range(ends)]
    assert rates == pytest.approx(linear)


def test_without_a_trial_the_whole_plan_is_trained_and_said_so(
    run: Any, data: Path, tmp_path: Path
) -> None:
    config = small_config(data, tmp_path / "outputs", num_train_epochs=1)
    result = run(config=config)
    assert result.exit_code == 0, result.output
    assert "the best epoch from: training all that are planned, 1 epoch" in result.output


@pytest.mark.parametrize(
    ("epoch", "says", "status"),
    [
        ("two", "provenance.epoch is 'two', no number of epochs; export it again", 2),
        (0, "provenance.epoch is 0, no number of epochs", 2),
        (9, "best at epoch 9 but training.num_train_epochs is 3", 1),
    ],
)
def test_an_epoch_that_cannot_be_is_one_clear_line(
    run: Any, tmp_path: Path, epoch: object, says: str, status: int
) -> None:
    result = run(epoch=epoch)
    assert result.exit_code == status
    assert says in result.output
    assert not (tmp_path / "final" / "config.json").exists()


def test_a_model_is_replaced_only_when_asked(run: Any, tmp_path: Path) -> None:
    (tmp_path / "final").mkdir()
    (tmp_path / "final" / "settings.yaml").write_text("a model", encoding="utf-8")
    refused = run()
    assert refused.exit_code == 1
    assert "holds a model already" in refused.output
    assert run("--overwrite").exit_code == 0
    assert (tmp_path / "final" / "settings.yaml").read_text(encoding="utf-8") != "a model"


def test_a_full_disk_is_one_clear_line(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trainer.final_fit.write_model", full)
    result = run()
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == (
        "Error: the model cannot be written to final ([Errno 28] No space left on device); "
        "free some space, and train it again"
    )


def test_the_same_again_gives_the_same_weights(run: Any, tmp_path: Path) -> None:
    assert run().exit_code == 0
    first = (tmp_path / "final" / "model.safetensors").read_bytes()
    assert run("--overwrite").exit_code == 0
    assert (tmp_path / "final" / "model.safetensors").read_bytes() == first
