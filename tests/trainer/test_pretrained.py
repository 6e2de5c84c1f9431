"""Checkpoints as they lie about: safetensors, pickles, shards, headless, half, and damaged ones."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fake_hub import FakeHub
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import BartForConditionalGeneration

from trainer.errors import ModelNotFound, TrainerError
from trainer.pretrained import read_generation_config, read_model, read_model_config

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"
LAYER = "model.encoder.layers.0.fc1.weight"


@pytest.fixture
def weights(saved_model: Path) -> dict[str, torch.Tensor]:
    return BartForConditionalGeneration.from_pretrained(saved_model).state_dict()


@pytest.fixture
def pickled_model(saved_model: Path, weights: dict[str, torch.Tensor]) -> Path:
    """The checkpoint as gogamza/kobart-base-v2 first came: pytorch_model.bin alone."""
    torch.save(weights, saved_model / PICKLED)
    (saved_model / SAFE).unlink()
    return saved_model


def refusal(read: Callable[[str], object], folder: Path) -> str:
    with pytest.raises(TrainerError) as caught:
        read(str(folder))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"model.name {str(folder)!r} ")
    return message.removeprefix(f"model.name {str(folder)!r} ")


def same(model: BartForConditionalGeneration, weights: dict[str, torch.Tensor]) -> bool:
    found = model.state_dict()
    return found.keys() == weights.keys() and all(
        torch.equal(found[name], tensor) for name, tensor in weights.items()
    )


def test_safetensors_are_read(saved_model: Path, weights: dict[str, torch.Tensor]) -> None:
    assert same(read_model(str(saved_model)), weights)


def test_shards_are_read(saved_model: Path, weights: dict[str, torch.Tensor]) -> None:
    model = read_model(str(saved_model))
    (saved_model / SAFE).unlink()
    model.save_pretrained(saved_model, max_shard_size="5KB")
    assert (saved_model / "model.safetensors.index.json").is_file()
    assert not (saved_model / SAFE).exists()
    assert same(read_model(str(saved_model)), weights)


@pytest.mark.parametrize("zipped", [True, False], ids=["torch>=1.6", "older torch"])
def test_pickled_weights_are_read(
    pickled_model: Path, weights: dict[str, torch.Tensor], zipped: bool
) -> None:
    torch.save(weights, pickled_model / PICKLED, _use_new_zipfile_serialization=zipped)
    assert same(read_model(str(pickled_model)), weights)


@pytest.mark.parametrize("file", [SAFE, PICKLED])
def test_checkpoint_without_a_head_gets_the_tied_one(
    pickled_model: Path, weights: dict[str, torch.Tensor], file: str
) -> None:
    """KoBART was published as a BartModel, whose names lack `model.`."""
    headless = {
        name.removeprefix("model."): tensor.clone()
        for name, tensor in weights.items()
        if name.startswith("model.") and "embed_tokens" not in name
    }
    (pickled_model / PICKLED).unlink()
    if file == SAFE:
        save_file(headless, pickled_model / SAFE, metadata={"format": "pt"})
    else:
        torch.save(headless, pickled_model / PICKLED)
    model = read_model(str(pickled_model))
    assert torch.equal(model.state_dict()[LAYER], weights[LAYER])
    assert model.lm_head.weight is model.model.shared.weight
    assert not model.final_logits_bias.any()


def test_safetensors_go_before_a_pickle(
    saved_model: Path, weights: dict[str, torch.Tensor]
) -> None:
    (saved_model / PICKLED).write_bytes(b"never looked at")
    assert same(read_model(str(saved_model)), weights)


def test_half_precision_is_widened(saved_model: Path) -> None:
    read_model(str(saved_model)).half().save_pretrained(saved_model)
    assert load_file(saved_model / SAFE)[LAYER].dtype == torch.float16
    assert {p.dtype for p in read_model(str(saved_model)).parameters()} == {torch.float32}


class Trap:
    """Makes a folder where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.folder),)


def test_pickle_that_would_run_code_is_refused_and_does_not_run(
    pickled_model: Path, tmp_path: Path
) -> None:
    trap = tmp_path / "sprung"
    torch.save({LAYER: Trap(trap)}, pickled_model / PICKLED)
    message = refusal(read_model, pickled_model)
    assert message.startswith("can't be read: pytorch_model.bin is damaged, or holds more than")
    assert message.endswith("save it with save_pretrained: that writes model.safetensors")
    assert not trap.exists()
    pickle.loads(pickle.dumps(Trap(trap)))
    assert trap.exists()  # so the trap works where nothing minds it


@pytest.mark.parametrize("keep", [0, 2, 5_000])
def test_damaged_safetensors_are_one_clear_line(saved_model: Path, keep: int) -> None:
    whole = (saved_model / SAFE).read_bytes()
    (saved_model / SAFE).write_bytes(whole[:keep])
    assert refusal(read_model, saved_model).startswith("can't be read: ")


@pytest.mark.parametrize("keep", [0, 2, 5_000])
def test_damaged_pickle_is_one_clear_line(pickled_model: Path, keep: int) -> None:
    whole = (pickled_model / PICKLED).read_bytes()
    (pickled_model / PICKLED).write_bytes(whole[:keep])
    assert refusal(read_model, pickled_model).startswith("can't be read: ")


def test_missing_shard_is_one_clear_line(saved_model: Path) -> None:
    model = read_model(str(saved_model))
    (saved_model / SAFE).unlink()
    model.save_pretrained(saved_model, max_shard_size="5KB")
    next(saved_model.glob("model-00002-*")).unlink()
    assert "model-00002-of-" in refusal(read_model, saved_model)


def test_layers_without_weights_are_refused_and_not_drawn_at_random(
    pickled_model: Path, weights: dict[str, torch.Tensor]
) -> None:
    some = {name: tensor for name, tensor in weights.items() if "fc1" not in name}
    torch.save(some, pickled_model / PICKLED)
    message = refusal(read_model, pickled_model)
    assert message.startswith("has no weights for 4 of its parameters (model.decoder.layers.0.fc1.")
    assert message.endswith(", ...); give a whole BART checkpoint")


def test_weights_of_another_size_are_named(saved_model: Path) -> None:
    settings = json.loads((saved_model / "config.json").read_text())
    settings["encoder_ffn_dim"] = 40
    (saved_model / "config.json").write_text(json.dumps(settings))
    assert refusal(read_model, saved_model).startswith(
        "has weights of another size for 3 of its parameters (model.encoder.layers.0.fc1.bias, "
    )


def test_model_without_weights_is_told_what_to_do(tiny_model: Path) -> None:
    assert refusal(read_model, tiny_model) == (
        "has no weights, neither model.safetensors nor pytorch_model.bin; "
        "copy them there, or train from random ones with model.init random"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "can't be read: config.json is not JSON: "),
        ("[]", "is a None model; give a BART"),
        ('{"model_type": "t5"}', "is a 't5' model; give a BART"),
        ('{"model_type": "bart", "d_model": "big"}', "can't be read: config.json: Validation"),
    ],
)
def test_config_of_no_bart_is_one_clear_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "config.json").write_text(text)
    assert refusal(read_model_config, tmp_path).startswith(reason)


def test_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    assert refusal(read_model_config, tmp_path) == "has no config.json; give a model"
    with pytest.raises(ModelNotFound, match="there is no folder"):
        read_model_config(str(tmp_path / "nowhere"))


def test_generation_config_is_the_checkpoints_or_none(saved_model: Path) -> None:
    found = read_generation_config(str(saved_model))
    assert found is not None
    assert found.decoder_start_token_id == 2
    (saved_model / "generation_config.json").write_text("{")
    assert refusal(read_generation_config, saved_model).startswith("can't be read: ")
    (saved_model / "generation_config.json").unlink()
    assert read_generation_config(str(saved_model)) is None


def test_hub_gives_the_one_kind_of_weights(
    hub: FakeHub, saved_model: Path, weights: dict[str, torch.Tensor]
) -> None:
    hub.put(saved_model)
    hub.files[PICKLED] = b"half a gigabyte that nobody needs"
    assert same(read_model(hub.name), weights)
    assert sorted(hub.fetched) == ["config.json", "generation_config.json", SAFE]


def test_hub_gives_pickled_weights_where_there_are_no_others_and_then_works_offline(
    hub: FakeHub,
    pickled_model: Path,
    weights: dict[str, torch.Tensor],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.put(pickled_model)
    assert same(read_model(hub.name), weights)
    assert hub.fetched.count(PICKLED) == 1
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert same(read_model(hub.name), weights)


def test_hub_model_without_weights_is_one_clear_line(hub: FakeHub, tiny_model: Path) -> None:
    hub.put(tiny_model)
    with pytest.raises(TrainerError, match=r"model\.name 'team/kobart' has no weights, neither"):
        read_model(hub.name)
