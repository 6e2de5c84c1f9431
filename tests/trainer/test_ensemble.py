"""Several kept models make one summary of each dialogue: what they need, and what comes out."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from config.load import dump
from config.schema import Configuration
from trainer.bayes_risk import least_risky
from trainer.checkpoint import write_model
from trainer.data import DataFiles, read_examples
from trainer.ensemble import averaged, candidates_of, predict_together
from trainer.errors import TrainerError
from trainer.member import read_member
from trainer.model import load_model
from trainer.predict import predict
from trainer.tokens import load_tokenizer

MakeConfig = Callable[..., Configuration]


@pytest.fixture(scope="module")
def kept(
    data_folder: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Three kept models with wills of their own; the last cleans and cuts texts otherwise."""
    folders = []
    for number, cut in enumerate((128, 128, 24)):
        config = Configuration.model_validate(
            {
                "general": {"data_path": str(data_folder), "seed": number},
                "model": {"name": str(tiny_model), "init": "random", "max_encoder_length": cut},
                "preprocessing": {"cleaning": ["whitespace"] if cut == 24 else ["laughter"]},
                "training": {"per_device_eval_batch_size": 4},
                "generation": {"num_beams": 3, "max_new_tokens": 12},
                "metric": {"tokenizer": "whitespace"},
            }
        )
        tokenizer = load_tokenizer(config)
        model = load_model(config, tokenizer)
        generator = torch.Generator().manual_seed(number)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.3)
        folder = tmp_path_factory.mktemp("kept") / f"model-{number}"
        folder.mkdir()
        write_model(folder, model=model, tokenizer=tokenizer, settings=dump(config))
        folders.append(folder)
    return folders


@pytest.fixture
def third(kept: list[Path], tmp_path: Path) -> Path:
    """A copy of the last one, to be changed."""
    return shutil.copytree(kept[2], tmp_path / "third")


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "settings.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_model_with_itself_says_what_it_says_alone(
    kept: list[Path], data_files: DataFiles
) -> None:
    alone = predict(kept[0], data_files.dev)
    assert predict_together([kept[0]] * 2, data_files.dev, combine="logits") == alone
    assert predict_together([kept[0]] * 3, data_files.dev, combine="mbr") == alone
    assert predict_together([kept[0]], data_files.dev, combine="logits") == alone


def test_logits_of_all_decide_whatever_the_batch(kept: list[Path], data_files: DataFiles) -> None:
    assert data_files.test is not None
    together = predict_together(kept, data_files.test, combine="logits")
    assert [each.fname for each in together] == [
        example.fname for example in read_examples(data_files.test, need_summary=False)
    ]
    assert predict_together(kept, data_files.test, combine="logits", batch_size=1) == together
    alone = [predict(folder, data_files.test) for folder in kept]
    assert all(together != each for each in alone)


def test_risk_is_weighed_over_what_each_model_says(kept: list[Path], data_files: DataFiles) -> None:
    alone = [predict(folder, data_files.dev) for folder in kept]
    pools = [[each.summary for each in found] for found in zip(*alone, strict=True)]
    expected = least_risky(pools, metric="rouge_combined_f1", tokenizer="whitespace")
    found = predict_together(kept, data_files.dev, combine="mbr")
    assert [each.summary for each in found] == expected


def test_a_models_beams_are_candidates_too(kept: list[Path], data_files: DataFiles) -> None:
    examples = read_examples(data_files.dev, need_summary=True)
    member = read_member(kept[0])
    several = candidates_of(member, examples, count=3)
    assert [each[0] for each in several] == averaged([member], examples)
    assert all(len(set(each)) > 1 for each in several)
    found = predict_together(kept[:1], data_files.dev, combine="mbr", candidates=3)
    assert {each.summary for each in found} <= {text for texts in several for text in texts}
    with pytest.raises(TrainerError, match="3 beams, which gives no 4 candidates; say --num-beams"):
        predict_together(kept, data_files.dev, combine="mbr", candidates=4)


def test_models_with_other_vocabularies_are_refused(
    kept: list[Path], third: Path, data_files: DataFiles, tiny_config: MakeConfig
) -> None:
    config = tiny_config(preprocessing={"special_tokens": ["#Person1#"]})
    tokenizer = load_tokenizer(config)
    write_model(
        third, model=load_model(config, tokenizer), tokenizer=tokenizer, settings=dump(config)
    )
    with pytest.raises(TrainerError, match=r"cannot be averaged: they have \d+ and \d+ tokens"):
        predict_together([*kept, third], data_files.dev, combine="logits")
    assert len(predict_together([*kept, third], data_files.dev, combine="mbr")) == 6


def test_models_that_number_tokens_otherwise_are_refused(
    kept: list[Path], third: Path, data_files: DataFiles
) -> None:
    path = third / "tokenizer.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = settings["model"]["vocab"]
    vocabulary["가"], vocabulary["은"] = vocabulary["은"], vocabulary["가"]
    path.write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")
    with pytest.raises(TrainerError, match="tokenizers number the tokens otherwise; --combine mbr"):
        predict_together([kept[0], third], data_files.dev, combine="logits")


def test_models_that_start_otherwise_are_refused(
    kept: list[Path], third: Path, data_files: DataFiles
) -> None:
    for name in ("config.json", "generation_config.json"):
        settings = json.loads((third / name).read_text(encoding="utf-8"))
        (third / name).write_text(json.dumps(settings | {"decoder_start_token_id": 0}))
    with pytest.raises(TrainerError, match="decoder_start_token_id is 2 and 0"):
        predict_together([kept[0], third], data_files.dev, combine="logits")


def test_another_search_is_said_and_the_firsts_is_used(
    kept: list[Path], third: Path, data_files: DataFiles, caplog: pytest.LogCaptureFixture
) -> None:
    change(third, "max_new_tokens: 12", "max_new_tokens: 5")
    same = predict_together([kept[0], kept[2]], data_files.dev, combine="logits")
    caplog.set_level(logging.WARNING)
    assert predict_together([kept[0], third], data_files.dev, combine="logits") == same
    assert f"another search (max_length 6, not 13): all search as {kept[0]} does" in caplog.text
