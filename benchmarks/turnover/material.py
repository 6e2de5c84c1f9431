"""What every cell trains: a model folder with random weights, few dialogues, short trainings.

The dialogues are the sample data's, whose lengths are those of the competition's. A training is one
epoch of a few steps: what is measured lies between two of them.
"""

import csv
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from transformers import BartConfig, BartForConditionalGeneration

from benchmarks.architectures import KOBART, STAND_IN
from config.load import from_mapping, load, to_mapping
from config.sample import locate
from config.schema import Configuration

DEV_ROWS = 8
BATCH = 4
STEPS = 2
TOKENS = 8  # generated for each summary
FILE = "material.json"

ARCHITECTURES: dict[str, dict[str, int]] = {
    "d128": STAND_IN,
    "kobart": {**KOBART, "vocab_size": 30_000},
}


@dataclass(frozen=True)
class Material:
    """Folders of model and data; a training takes STEPS steps of BATCH examples an epoch."""

    model: str
    data: str

    @classmethod
    def make(cls, architecture: str, folder: Path) -> Self:
        """Write a model of the architecture, and the data, into the folder."""
        made = cls(str(folder / "model"), str(folder / "data"))
        _write_model(ARCHITECTURES[architecture], Path(made.model))
        _write_data(Path(made.data))
        (folder / FILE).write_text(json.dumps(asdict(made)), encoding="utf-8")
        return made

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return what was made in the folder."""
        return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))

    def configuration(self, output: Path, *, trials: int) -> Configuration:
        """Return a study's configuration with TPE, the presets' pruner, W&B offline, SQLite."""
        whole: dict[str, Any] = dict(to_mapping(load("demo")))
        whole["general"] |= {
            "data_path": self.data,
            "output_dir": str(output),
            "cpu_threads": 1,
        }
        whole["model"] |= {"name": self.model, "init": "pretrained", "architecture": {}}
        whole["training"] |= {
            "num_train_epochs": 1,
            "per_device_train_batch_size": BATCH,
            "early_stopping_patience": None,
        }
        whole["generation"]["max_new_tokens"] = TOKENS
        whole["optuna"] |= {
            "n_trials": trials,
            "pruner": "median",
            "search_space": {"training.learning_rate": {"low": 1e-5, "high": 1e-4, "log": True}},
        }
        return from_mapping(whole)


def _write_model(architecture: dict[str, int], folder: Path) -> None:
    sample = locate("sample:model")
    settings = json.loads((sample / "config.json").read_text(encoding="utf-8"))
    model = BartForConditionalGeneration(BartConfig.from_dict({**settings, **architecture}))
    model.save_pretrained(folder)
    for path in sample.iterdir():
        if path.name.startswith("tokenizer") or path.name == "generation_config.json":
            shutil.copy(path, folder)


def _write_data(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name, rows in (("train.csv", BATCH * STEPS), ("dev.csv", DEV_ROWS)):
        with (locate("sample:dialogues") / name).open(encoding="utf-8", newline="") as file:
            kept = [row for _, row in zip(range(rows + 1), csv.reader(file), strict=False)]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(kept)
