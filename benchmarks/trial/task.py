"""What is trained, the same for every cell: some of the dialogues, a stand-in, a configuration.

A subset keeps the distribution of the dialogues' lengths: rows are taken at even steps through the
order by length. Weights are drawn once a seed and saved, so that all cells start from one file.
"""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from config.load import from_mapping
from trainer.data import Example, locate_data, read_examples
from trainer.model import load_model
from trainer.session import TrainingSession
from trainer.tokens import load_tokenizer

SAMPLE_MODEL, SAMPLE_DATA = "sample:model", "sample:dialogues"


@dataclass(frozen=True)
class Size:
    """How much is trained; rows of None take the whole file."""

    train_rows: int | None
    dev_rows: int | None
    epochs: int
    learning_rate: float
    architecture: Mapping[str, Any]
    batch: int = 16
    longest: tuple[int, int] = (512, 128)  # tokens of a dialogue and of a summary


@dataclass(frozen=True)
class Source:
    """Where texts and tokenizer come from, and where the benchmark may write."""

    data: str
    tokenizer: str
    folder: Path
    threads: int


class Task:
    """One training to do: its configuration, its texts encoded, its initial weights on disk."""

    def __init__(self, source: Source, size: Size, *, seed: int) -> None:
        self.seed = seed
        self.folder = source.folder / f"seed-{seed}"
        data = subset(source, size)
        whole = settings(source, size, seed=seed, data=data)
        drawn = from_mapping(whole)
        weights = self.folder / "start"
        if not weights.exists():
            tokenizer = load_tokenizer(drawn)
            load_model(drawn, tokenizer).save_pretrained(weights)
            tokenizer.save_pretrained(weights)
        whole["model"] |= {"name": str(weights), "init": "pretrained", "architecture": {}}
        self.config = from_mapping(whole)

    @cached_property
    def session(self) -> TrainingSession:
        """The texts, encoded, and the weights, read: as a warm worker has them."""
        files = locate_data(self.config.general.data_path)
        session = TrainingSession(files, self.folder.parent / "cache")
        session.prepare(self.config)
        session.scorer(self.config).score(["가"], [["나"]])  # Kiwi reads its model at first use
        return session

    @property
    def threads(self) -> int:
        """The CPU threads of each cell."""
        return self.config.general.cpu_threads or torch.get_num_threads()


def settings(source: Source, size: Size, *, seed: int, data: str) -> dict[str, Any]:
    """Return the guide's settings at this size."""
    return {
        "general": {"seed": seed, "data_path": data, "cpu_threads": source.threads},
        "model": {
            "name": source.tokenizer,
            "init": "random",
            "architecture": dict(size.architecture),
            "max_encoder_length": size.longest[0],
            "max_decoder_length": size.longest[1],
        },
        "generation": {"max_new_tokens": size.longest[1]},
        "training": {
            "learning_rate": size.learning_rate,
            "per_device_train_batch_size": size.batch,
            "num_train_epochs": size.epochs,
        },
        "wandb": {"mode": "disabled"},
    }


def subset(source: Source, size: Size) -> str:
    """Return the folder with so many of the texts, written where it is not there yet."""
    folder = source.folder / f"data-{size.train_rows}-{size.dev_rows}"
    if not folder.exists():
        files = locate_data(source.data)
        folder.mkdir(parents=True)
        for path, count in ((files.train, size.train_rows), (files.dev, size.dev_rows)):
            examples = read_examples(path, need_summary=True)
            with _written(folder / f"{path.stem}.csv") as rows:
                rows.writerows(
                    (each.fname, each.dialogue, each.summaries[0])
                    for each in evenly(examples, count or len(examples))
                )
    return str(folder)


@contextmanager
def _written(path: Path) -> Iterator[Any]:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("fname", "dialogue", "summary"))
        yield writer


def evenly(examples: list[Example], count: int) -> list[Example]:
    """Return `count` of the examples, at even steps through their order by length."""
    ordered = sorted(examples, key=lambda example: len(example.dialogue))
    count = min(count, len(ordered))
    return [ordered[(2 * number + 1) * len(ordered) // (2 * count)] for number in range(count)]
