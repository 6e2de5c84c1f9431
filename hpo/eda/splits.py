"""The files of a data set as the project reads them; train alone is enough to look at."""

from dataclasses import dataclass
from pathlib import Path

from config.schema import Configuration
from trainer.data import Example, present_files, read_examples


@dataclass(frozen=True)
class Split:
    """One file's examples, under its name: train, dev or test."""

    name: str
    path: Path
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class SplitSize:
    """How many dialogues a file has, and how many of them come with what."""

    split: str
    file: str
    dialogues: int
    with_summary: int
    with_further_summaries: int
    with_topic: int


def read_splits(config: Configuration) -> tuple[Split, ...]:
    """Read every file there is; a summary may be missing, which training would refuse."""
    return tuple(
        Split(name, path, tuple(read_examples(path, need_summary=False)))
        for name, path in present_files(config.general.data_path).items()
    )


def size(split: Split) -> SplitSize:
    """Count a file's dialogues, summaries and topics."""
    return SplitSize(
        split=split.name,
        file=split.path.name,
        dialogues=len(split.examples),
        with_summary=sum(bool(example.summaries) for example in split.examples),
        with_further_summaries=sum(len(example.summaries) > 1 for example in split.examples),
        with_topic=sum(example.topic is not None for example in split.examples),
    )
