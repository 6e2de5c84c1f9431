"""Predictions: in the file's order, as the model was evaluated, from a folder of a training."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BartForConditionalGeneration, GenerationConfig

from config.load import load
from config.schema import Configuration
from trainer.data import DataFiles, locate_data, read_examples
from trainer.device import Precision, pick_precision
from trainer.encode import Ragged
from trainer.errors import OutOfMemory, TrainerError
from trainer.evaluation import FitResult
from trainer.fit import fit
from trainer.generate import generate
from trainer.micro_batch import FittingBatch
from trainer.predict import predict
from trainer.rouge import RougeScorer
from trainer.session import TrainingSession
from trainer.tokens import decode, read_tokenizer

Trained = tuple[FitResult, Path]


@pytest.fixture(scope="module")
def training(
    data_folder: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """One training for all tests here; those that write take a copy, `trained`."""
    config = Configuration.model_validate(
        {
            "general": {"data_path": str(data_folder)},
            "model": {
                "name": str(tiny_model),
                "init": "random",
                "max_encoder_length": 128,
                "max_decoder_length": 48,
            },
            "training": {
                "per_device_train_batch_size": 4,
                "per_device_eval_batch_size": 4,
                "num_train_epochs": 4,
                "learning_rate": 1e-2,
            },
            "generation": {"num_beams": 2, "max_new_tokens": 16},
            "metric": {"tokenizer": "whitespace"},
        }
    )
    folder = tmp_path_factory.mktemp("training")
    session = TrainingSession(locate_data(str(data_folder)), folder / "cache")
    return fit(config, lambda _: True, session=session, output_dir=folder / "out"), folder / "out"


@pytest.fixture
def trained(training: Trained, tmp_path: Path) -> Trained:
    result, folder = training
    copy = shutil.copytree(folder, tmp_path / "out")
    return replace(result, checkpoint=copy / result.checkpoint.name), copy


def test_a_card_without_room_for_the_model_is_said_in_words(
    trained: Trained, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 252.00 KiB.")

    monkeypatch.setattr(BartForConditionalGeneration, "to", full)
    with pytest.raises(OutOfMemory, match="does not fit in the memory of the device"):
        predict(trained[1], data_folder / "test.csv")


def test_a_card_that_torch_has_no_kernels_for_is_said_in_words(
    trained: Trained, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: object) -> None:
        raise TrainerError("no kernels")

    monkeypatch.setattr("trainer.member.check_kernels", none)
    with pytest.raises(TrainerError, match="no kernels"):
        predict(trained[1], data_folder / "test.csv")


class Watched:
    """Stands in for `generate`: notes what the model was given and asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows: list[list[int]] = []
        self.batch = 0
        self.threads = 0
        self.search = GenerationConfig()
        monkeypatch.setattr("trainer.predict.generate", self)

    def __call__(
        self,
        model: BartForConditionalGeneration,
        rows: Ragged,
        *,
        batch: FittingBatch,
        precision: Precision,
    ) -> list[list[int]]:
        self.rows, self.batch, self.search = list(rows), batch.size, model.generation_config
        self.threads = torch.get_num_threads()
        assert precision == pick_precision("auto", model.device)
        return generate(model, rows, batch=batch, precision=precision)


def change(folder: Path, old: str, new: str) -> None:
    """Change the settings beside a model, which must have `old` in them."""
    path = folder / "settings.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_predictions_score_as_the_evaluation_did(trained: Trained, data_files: DataFiles) -> None:
    result, _ = trained
    predictions = predict(result.checkpoint, data_files.dev)
    examples = read_examples(data_files.dev, need_summary=True)
    assert [each.fname for each in predictions] == [example.fname for example in examples]
    scores = RougeScorer("whitespace").score(
        [each.summary for each in predictions], [example.summaries for example in examples]
    )
    assert scores == result.best.scores


def test_file_without_summaries_and_other_batches_will_do(
    trained: Trained, data_files: DataFiles
) -> None:
    _, folder = trained
    assert data_files.test is not None
    one = predict(folder, data_files.test, batch_size=1)
    assert len(one) == 4
    assert one == predict(folder, data_files.test, batch_size=3)


def test_beams_can_be_chosen(trained: Trained, data_files: DataFiles) -> None:
    _, folder = trained
    assert len(predict(folder, data_files.dev, num_beams=1)) == 6


def test_folder_without_a_model_is_refused(tmp_path: Path, data_files: DataFiles) -> None:
    with pytest.raises(TrainerError, match="holds no model"):
        predict(tmp_path, data_files.dev)


def test_folder_whose_best_model_is_gone_is_refused(tmp_path: Path, data_files: DataFiles) -> None:
    (tmp_path / "scores.json").write_text('{"best": {"checkpoint": "../../evaluation-9"}}')
    with pytest.raises(TrainerError, match="names evaluation-9 as its best model"):
        predict(tmp_path, data_files.dev)


def test_foreign_model_is_refused(tiny_model: Path, data_files: DataFiles) -> None:
    with pytest.raises(TrainerError, match=r"holds no settings\.yaml"):
        predict(tiny_model, data_files.dev)


def test_broken_settings_are_named(trained: Trained, data_files: DataFiles) -> None:
    result, _ = trained
    (result.checkpoint / "settings.yaml").write_text("training: {learning_rat: 1}\n")
    with pytest.raises(TrainerError, match="learning_rat") as caught:
        predict(result.checkpoint, data_files.dev)
    assert "settings.yaml" in str(caught.value)


def test_search_and_batch_are_those_of_the_settings(
    trained: Trained, data_files: DataFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = trained
    change(result.checkpoint, "max_new_tokens: 16", "max_new_tokens: 5")
    change(result.checkpoint, "num_beams: 2", "num_beams: 3")
    change(result.checkpoint, "no_repeat_ngram_size: ", "no_repeat_ngram_size: 2 #")
    seen = Watched(monkeypatch)
    predict(result.checkpoint, data_files.dev)
    assert (seen.search.num_beams, seen.search.max_new_tokens) == (3, 5)
    assert seen.search.no_repeat_ngram_size == 2
    assert seen.batch == 4


def test_caller_may_choose_batch_and_beams_for_this_once(
    trained: Trained, data_files: DataFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = trained
    seen = Watched(monkeypatch)
    predict(result.checkpoint, data_files.dev, batch_size=2, num_beams=1)
    assert (seen.batch, seen.search.num_beams) == (2, 1)
    assert load(str(result.checkpoint / "settings.yaml")).generation.num_beams == 2


def test_text_is_cleaned_and_cut_as_in_training(
    trained: Trained, data_files: DataFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = trained
    seen = Watched(monkeypatch)
    predict(result.checkpoint, data_files.dev)
    tokenizer = read_tokenizer(str(result.checkpoint))
    assert "웃음" in decode(tokenizer, seen.rows[0])  # ㅋㅋ in the file
    cleaned = seen.rows
    change(result.checkpoint, "laughter, ", "")
    change(result.checkpoint, "max_encoder_length: 128", "max_encoder_length: 20")
    predict(result.checkpoint, data_files.dev)
    assert all(len(row) == 20 for row in seen.rows)
    assert "웃음" not in decode(tokenizer, seen.rows[0])
    assert seen.rows != [row[:20] for row in cleaned]


def test_threads_are_those_of_the_settings_and_given_back(
    trained: Trained, data_files: DataFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, _ = trained
    before = torch.get_num_threads()
    change(result.checkpoint, "cpu_threads: null", f"cpu_threads: {before + 1}")
    seen = Watched(monkeypatch)
    predict(result.checkpoint, data_files.dev)
    assert seen.threads == before + 1
    assert torch.get_num_threads() == before


def test_model_moved_to_another_machine_needs_nothing_but_its_folder(
    trained: Trained, data_files: DataFiles, tmp_path: Path
) -> None:
    """Neither the model that it began from nor the training's data is looked for."""
    result, _ = trained
    expected = predict(result.checkpoint, data_files.dev)
    settings = load(str(result.checkpoint / "settings.yaml"))
    change(result.checkpoint, settings.model.name, "/nowhere/model")
    change(result.checkpoint, settings.general.data_path, "/nowhere/data")
    moved = result.checkpoint.rename(tmp_path / "moved")
    assert predict(moved, data_files.dev) == expected


def test_model_without_weights_is_refused(trained: Trained, data_files: DataFiles) -> None:
    result, _ = trained
    (result.checkpoint / "model.safetensors").unlink()
    with pytest.raises(TrainerError, match="has no weights, neither"):
        predict(result.checkpoint, data_files.dev)
