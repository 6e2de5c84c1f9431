"""How long dialogues and summaries are, in characters and in tokens, and what the limits cut.

Characters are counted in the text as it is written. Tokens are counted exactly as training encodes
the text: cleaned, with the configured tokenizer and its special tokens, and with the end token.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from config.entries import CategoricalEntry
from config.schema import Configuration
from hpo.eda.distribution import Distribution, common_edges, distribution
from hpo.eda.splits import Split
from trainer.encode import EncodedSplit, encoded

LIMITS = {"dialogue": "model.max_encoder_length", "summary": "model.max_decoder_length"}
UNLIMITED = 2**30  # tokens


@dataclass(frozen=True)
class Cut:
    """What one limit does: `cut` texts, a `share` from 0 to 1, lose their end."""

    limit: int
    cut: int
    share: float


@dataclass(frozen=True)
class Lengths:
    """The lengths of one kind of text in one file.

    text: dialogue or summary. unit: characters or tokens. cuts: for tokens, the configured limit
    and those of the search space. cutting_1_percent: for tokens, the smallest limit that cuts at
    most 1 % of the texts. unknown: tokens that the tokenizer's vocabulary lacks.
    """

    split: str
    text: str
    unit: str
    field: str
    distribution: Distribution
    cuts: tuple[Cut, ...] = ()
    cutting_1_percent: int | None = None
    unknown: int | None = None


def measure_lengths(
    config: Configuration, splits: Sequence[Split], tokenizer: PreTrainedTokenizerBase
) -> tuple[Lengths, ...]:
    """Measure dialogues and summaries of every file; files without summaries have none."""
    whole = {split.name: _uncut(config, split, tokenizer) for split in splits}
    measured: list[Lengths] = []
    for text, field in LIMITS.items():
        characters = {split.name: _characters(split, text) for split in splits}
        measured += _of_unit(text, "characters", characters)
        rows = {name: _ids(each, text) for name, each in whole.items()}
        tokens = {name: [len(row) for row in texts] for name, texts in rows.items()}
        unknown = {
            name: sum(row.count(tokenizer.unk_token_id) for row in texts)
            for name, texts in rows.items()
        }
        measured += _of_unit(text, "tokens", tokens, limits=_limits(config, field), unknown=unknown)
    return tuple(measured)


def _uncut(config: Configuration, split: Split, tokenizer: PreTrainedTokenizerBase) -> EncodedSplit:
    model = config.model.model_copy(
        update={"max_encoder_length": UNLIMITED, "max_decoder_length": UNLIMITED}
    )
    unlimited = config.model_copy(update={"model": model})
    return encoded(unlimited, split.examples, tokenizer=tokenizer, cache_dir=None)


def _characters(split: Split, text: str) -> list[int]:
    if text == "dialogue":
        return [len(example.dialogue) for example in split.examples]
    return [len(example.summaries[0]) for example in split.examples if example.summaries]


def _ids(split: EncodedSplit, text: str) -> list[list[int]]:
    rows = split.input_ids if text == "dialogue" else split.labels
    return [row for row in rows if row]


def _of_unit(
    text: str,
    unit: str,
    by_split: Mapping[str, Sequence[int]],
    *,
    limits: Sequence[int] = (),
    unknown: Mapping[str, int] | None = None,
) -> list[Lengths]:
    present = {name: lengths for name, lengths in by_split.items() if lengths}
    if not present:
        return []
    edges = common_edges(list(present.values()))
    found = []
    for name, lengths in present.items():
        measured = distribution(lengths, edges=edges)
        found.append(
            Lengths(
                split=name,
                text=text,
                unit=unit,
                field=LIMITS[text],
                distribution=measured,
                cuts=tuple(_cut(sorted(lengths), limit) for limit in limits),
                cutting_1_percent=measured.p99 if limits else None,
                unknown=None if unknown is None else unknown[name],
            )
        )
    return found


def _cut(ordered: Sequence[int], limit: int) -> Cut:
    cut = len(ordered) - bisect_right(ordered, limit)
    return Cut(limit=limit, cut=cut, share=cut / len(ordered))


def _limits(config: Configuration, field: str) -> tuple[int, ...]:
    """Return the limit that every trial has, or those that the search space may give one."""
    entry = config.optuna.search_space.get(field)
    if entry is None:
        return (int(getattr(config.model, field.removeprefix("model."))),)
    if isinstance(entry, CategoricalEntry):
        return tuple(sorted({int(choice) for choice in entry.choices if choice is not None}))
    return tuple(sorted({int(entry.low), int(entry.high)}))
