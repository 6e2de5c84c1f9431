"""Texts as token ids: made once for the same texts, cleaning, tokenizer and lengths, kept on disk.

KoBART's tokenizer adds no end token, so it is appended here, to inputs and labels; a text that is
too long is cut before it, never through it. In memory a split is a few flat arrays of int32
(12,457 dialogues: 9 MB), not lists of Python integers (nine times that).
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import overload

import numpy as np
import tokenizers
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from config.counting import counted
from config.schema import Configuration
from trainer.array_cache import Arrays, cached_arrays
from trainer.clean import STEPS, clean
from trainer.data import Example

FORMAT = 1  # of the cached arrays; another number makes all caches anew
TEXTS_AT_ONCE = 1_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Ragged(Sequence[list[int]]):
    """Rows of token ids of differing lengths, one behind the other.

    ids: shape (all tokens,). ends: shape (rows,), where each row ends in `ids`.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> "Ragged":
        """Return the rows packed."""
        count = sum(len(row) for row in rows)
        ids = np.fromiter(chain.from_iterable(rows), dtype=np.int32, count=count)
        return cls(ids, np.cumsum([len(row) for row in rows], dtype=np.int32))

    @classmethod
    def joined(cls, parts: Sequence["Ragged"]) -> "Ragged":
        """Return the rows of several, one behind the other."""
        offsets = accumulate((len(part.ids) for part in parts[:-1]), initial=0)
        ends = [part.ends + offset for part, offset in zip(parts, offsets, strict=True)]
        return cls(np.concatenate([part.ids for part in parts]), np.concatenate(ends))

    @property
    def lengths(self) -> list[int]:
        """The rows' lengths in tokens."""
        lengths: list[int] = np.diff(self.ends, prepend=0).tolist()
        return lengths

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...
    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        ids: list[int] = self.ids[self.ends[row - 1] if row else 0 : self.ends[row]].tolist()
        return ids


@dataclass(frozen=True, eq=False)
class EncodedSplit:
    """The examples of one file as token ids, unpadded, in the file's order.

    Every row ends with the end token. A label is the first summary; the row is empty where the
    example has none. `cut_inputs` and `cut_labels` count the texts that were too long.
    """

    input_ids: Ragged
    labels: Ragged
    cut_inputs: int
    cut_labels: int

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: int) -> dict[str, list[int]]:
        return {"input_ids": self.input_ids[index], "labels": self.labels[index]}

    def digest(self) -> str:
        """Return a SHA-256 (hex) over all ids in their order."""
        digest = sha256()
        for rows in (self.input_ids, self.labels):
            digest.update(rows.ids.tobytes() + rows.ends.tobytes())
        return digest.hexdigest()

    @property
    def cut_share(self) -> float:
        """The share of dialogues that were too long, from 0 to 1."""
        return self.cut_inputs / len(self) if len(self) else 0.0


def joined(splits: Sequence[EncodedSplit]) -> EncodedSplit:
    """Return one split of several, one behind the other."""
    return EncodedSplit(
        input_ids=Ragged.joined([split.input_ids for split in splits]),
        labels=Ragged.joined([split.labels for split in splits]),
        cut_inputs=sum(split.cut_inputs for split in splits),
        cut_labels=sum(split.cut_labels for split in splits),
    )


def encoded(
    config: Configuration,
    examples: Sequence[Example],
    *,
    tokenizer: PreTrainedTokenizerBase,
    cache_dir: Path | None,
) -> EncodedSplit:
    """Return the examples as token ids, from the cache where it has them.

    `cache_dir` may be shared by any number of processes; None caches nothing.
    """
    key = _key(config, examples, tokenizer)
    arrays = cached_arrays(cache_dir, key, lambda: _encode(config, examples, tokenizer))
    split = EncodedSplit(
        input_ids=Ragged(arrays["input_ids"], arrays["input_ends"]),
        labels=Ragged(arrays["labels"], arrays["label_ends"]),
        cut_inputs=int(arrays["cut"][0]),
        cut_labels=int(arrays["cut"][1]),
    )
    _report(config, examples, split)
    return split


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return a SHA-256 (hex) over everything that decides how the tokenizer splits a text."""
    settings = json.loads(tokenizer.backend_tokenizer.to_str())
    # A caller's last padding and truncation; they are not used here.
    del settings["padding"], settings["truncation"]
    content = [settings, tokenizer.eos_token_id, tokenizers.__version__]
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _key(
    config: Configuration, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase
) -> str:
    steps = config.preprocessing.cleaning
    digest = sha256()
    settings = {
        "format": FORMAT,
        "cleaning": [step for step in STEPS if step in steps],
        "clean_summaries": config.preprocessing.clean_summaries,
        "lengths": [config.model.max_encoder_length, config.model.max_decoder_length],
        "tokenizer": tokenizer_hash(tokenizer),
    }
    digest.update(json.dumps(settings).encode())
    for example in examples:
        digest.update(json.dumps([example.dialogue, example.summaries[:1]]).encode())
    return digest.hexdigest()


def _encode(
    config: Configuration, examples: Sequence[Example], tokenizer: PreTrainedTokenizerBase
) -> Arrays:
    steps = config.preprocessing.cleaning
    dialogues = (clean(example.dialogue, steps) for example in examples)
    summary_steps = steps if config.preprocessing.clean_summaries else ()
    summaries = (
        clean(example.summaries[0], summary_steps) for example in examples if example.summaries
    )
    inputs, cut_inputs = _ids(dialogues, config.model.max_encoder_length, tokenizer)
    targets, cut_labels = _ids(summaries, config.model.max_decoder_length, tokenizer)
    target = iter(targets)
    labels = Ragged.of([next(target) if example.summaries else [] for example in examples])
    packed = Ragged.of(inputs)
    return {
        "input_ids": packed.ids,
        "input_ends": packed.ends,
        "labels": labels.ids,
        "label_ends": labels.ends,
        "cut": np.array([cut_inputs, cut_labels], dtype=np.int32),
    }


def _ids(
    texts: Iterator[str], longest: int, tokenizer: PreTrainedTokenizerBase
) -> tuple[list[list[int]], int]:
    """Return each text's ids with the end token, at most `longest`, and how many were cut."""
    end = tokenizer.eos_token_id
    rows: list[list[int]] = []
    cut = 0
    while batch := list(islice(texts, TEXTS_AT_ONCE)):
        ids = tokenizer(batch, add_special_tokens=False, return_attention_mask=False, verbose=False)
        rows.extend([*row[: longest - 1], end] for row in ids["input_ids"])
        cut += sum(len(row) >= longest for row in ids["input_ids"])
    return rows, cut


def _report(config: Configuration, examples: Sequence[Example], split: EncodedSplit) -> None:
    for count, what, longest in (
        (split.cut_inputs, "dialogues", f"max_encoder_length {config.model.max_encoder_length}"),
        (split.cut_labels, "summaries", f"max_decoder_length {config.model.max_decoder_length}"),
    ):
        if count:
            log.info("%d of %d %s are longer than model.%s; cut", count, len(split), what, longest)
    pairs = zip(examples, split.input_ids.lengths, strict=True)
    empty = [example.fname for example, length in pairs if length == 1]
    if empty:
        log.warning(
            "cleaning leaves nothing of %s; the first is %s",
            counted(len(empty), "dialogue"),
            empty[0],
        )
