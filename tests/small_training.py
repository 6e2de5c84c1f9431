"""Dialogues and settings small enough to train on in a second: few rows, a tiny BART."""

import csv
from pathlib import Path
from typing import Any

from config.load import from_mapping, to_mapping
from config.load import load as load_config
from config.sample import locate
from config.schema import Configuration

ROWS = {"train.csv": 8, "dev.csv": 4, "test.csv": 3}
FEW_WORDS = {"num_beams": 1, "max_new_tokens": 6}
TINY = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "max_position_embeddings": 260,
}


def write_dialogues(folder: Path, *, last_first: bool = False) -> Path:
    """Write the first rows of the sample data; `last_first` makes it other data."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in ROWS.items():
        with (locate("sample:dialogues") / name).open(encoding="utf-8", newline="") as file:
            header, *kept = [row for _, row in zip(range(rows + 1), csv.reader(file), strict=False)]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *(reversed(kept) if last_first else kept)])
    return folder


def small_config(data: Path, output: Path, **training: object) -> Configuration:
    """Give the demo's settings, made small; keywords are fields of the training section."""
    whole: dict[str, Any] = dict(to_mapping(load_config("demo")))
    whole["general"] |= {"data_path": str(data), "output_dir": str(output), "cpu_threads": 1}
    whole["model"]["architecture"] = TINY
    whole["training"] |= {
        "num_train_epochs": 3,
        "per_device_train_batch_size": 4,
        "early_stopping_patience": None,
        **training,
    }
    whole["generation"] |= FEW_WORDS
    whole["metric"]["tokenizer"] = "character"
    whole["wandb"]["mode"] = "disabled"
    return from_mapping(whole)
