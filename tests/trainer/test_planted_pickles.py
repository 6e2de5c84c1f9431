"""A pickle that somebody has put into each place that is read: it never runs."""

import contextlib
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from trainer.array_cache import cached_arrays
from trainer.errors import TrainerError
from trainer.predict import predict
from trainer.pretrained import read_generation_config, read_model, read_model_config
from trainer.tokens import read_tokenizer

NAMES = (
    "pytorch_model.bin",
    "model.safetensors",
    "training_args.bin",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "tokenizer.model",
    "tokenizer.pkl",
    "vocab.pkl",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "settings.yaml",
    "scores.json",
)
CODE = "from pathlib import Path\nPath({!r}).touch()\n"


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """The file that is there once a bomb has run."""
    return tmp_path / "ran"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def read_everything(folder: Path, data: Path) -> None:
    """Everything that reads a model's folder, each to its own end."""
    name = str(folder)
    for reader in (read_model_config, read_generation_config, read_model, read_tokenizer):
        with contextlib.suppress(TrainerError):
            reader(name)
    with contextlib.suppress(TrainerError):
        predict(folder, data)


@pytest.mark.parametrize("kind", ["pickle", "torch", "old torch"])
def test_no_file_of_a_model_runs(model: Path, ran: Path, data_folder: Path, kind: str) -> None:
    for name in NAMES:
        folder = model.with_name(f"with {name}")
        shutil.copytree(model, folder)
        if kind == "pickle":
            (folder / name).write_bytes(pickle.dumps(Bomb(ran)))
        else:
            torch.save(
                {"model.shared.weight": Bomb(ran)},
                folder / name,
                _use_new_zipfile_serialization=kind == "torch",
            )
        read_everything(folder, data_folder / "test.csv")
        assert not ran.exists(), name


def test_code_that_a_model_brings_along_is_not_imported(
    model: Path, ran: Path, data_folder: Path
) -> None:
    for name in ("modeling_evil.py", "tokenization_evil.py", "configuration_evil.py"):
        (model / name).write_text(CODE.format(str(ran)))
    for name, auto in (
        ("config.json", {"AutoConfig": "configuration_evil.C", "AutoModel": "modeling_evil.M"}),
        ("tokenizer_config.json", {"AutoTokenizer": ["tokenization_evil.T", None]}),
    ):
        path = model / name
        values = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**values, "auto_map": auto, "trust_remote_code": True}))
    (model / "settings.yaml").write_text(f'!!python/object/apply:os.system ["touch {ran}"]\n')
    read_everything(model, data_folder / "test.csv")
    assert not ran.exists()


def test_no_file_of_the_token_cache_runs(tmp_path: Path, ran: Path) -> None:
    def make() -> dict[str, object]:
        import numpy as np

        return {"a": np.arange(3)}

    cached_arrays(tmp_path, "key", make)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        path.write_bytes(pickle.dumps(Bomb(ran)))
    assert cached_arrays(tmp_path, "key", make)["a"].tolist() == [0, 1, 2]
    assert not ran.exists()


def test_the_bomb_is_real(tmp_path: Path, ran: Path) -> None:
    torch.save({"w": Bomb(ran)}, tmp_path / "file")
    torch.load(tmp_path / "file", weights_only=False)
    assert ran.exists()
