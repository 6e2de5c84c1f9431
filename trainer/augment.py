"""Further training examples: training dialogues with noise, or rewritten; their summaries stay.

Everything follows from texts, configuration and seed. What is rewritten follows from a checkpoint
too; it is made group by group and kept on disk by contents, so that a trial that wants a larger
share, or a worker that comes back, makes only what is not there yet. Which dialogues are rewritten
depends on their texts alone: the share of one trial lies within the larger share of another.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from itertools import chain
from pathlib import Path

import numpy as np

from config.augmentation import Augmentation
from config.counting import counted
from config.schema import Configuration
from config.sections import MASKED, PEOPLE
from trainer.array_cache import Arrays, cached_arrays
from trainer.clean import clean
from trainer.data import Example
from trainer.encode import Ragged
from trainer.noise import KINDS, TAG, noisy
from trainer.sentences import Sentences, overlap
from trainer.seq2seq import Rewriter, Writer

FORMAT = 1  # of the kept sentences; another number makes all anew
GROUP = 64  # dialogues whose sentences are rewritten and kept together

log = logging.getLogger(__name__)
Poll = Callable[[], None]


@dataclass(frozen=True)
class Chain:
    """A way of rewriting: one writer, or one there and one back; `share` of the dialogues."""

    kind: str
    share: float
    writers: tuple[Writer, ...]


def is_on(config: Configuration) -> bool:
    """Say whether any kind of augmentation is configured."""
    section = config.augmentation
    return any(getattr(section, kind) for kind in (*KINDS, "paraphrase", "back_translation"))


def is_rewritten(config: Configuration) -> bool:
    """Say whether a checkpoint writes training inputs."""
    return any(way.share for way in _ways(config.augmentation))


def check_checkpoints(config: Configuration) -> None:
    """Raise TrainerError where a checkpoint that is named for rewriting is not there."""
    for writer in chain.from_iterable(way.writers for way in _ways(config.augmentation)):
        writer.folder()


def with_noise(config: Configuration, examples: Sequence[Example]) -> list[Example]:
    """Return the noisy copies; those that came out as they were are dropped."""
    section = config.augmentation
    kept_tokens = _kept_tokens(config)
    found: list[Example] = []
    for kind in KINDS:
        if not (share := getattr(section, kind)):
            continue
        copies = [
            replace(example, fname=f"{example.fname}+{kind}{number}", dialogue=dialogue)
            for number in range(1, section.copies + 1)
            for example in examples
            for seed in (f"{config.general.seed}/{number}",)
            for dialogue in (noisy(example.dialogue, kind, share, seed=seed, kept=kept_tokens),)
            if dialogue != example.dialogue
        ]
        made = section.copies * len(examples)
        _say(
            kind, f"{counted(made, 'dialogue')} made", kept=len(copies), dropped=made - len(copies)
        )
        found += copies
    return found


def rewritten(
    config: Configuration, examples: Sequence[Example], *, cache_dir: Path | None, poll: Poll
) -> list[Example]:
    """Return the copies that checkpoints wrote; those in which nothing is new are dropped.

    `poll` is called between batches, and may raise. Raises TrainerError where there is no such
    checkpoint.
    """
    found: list[Example] = []
    for way in _ways(config.augmentation):
        if way.share:
            found += _written(config, way, examples, cache_dir=cache_dir, poll=poll)
    return found


def _ways(section: Augmentation) -> list[Chain]:
    there = (section.language, section.pivot_language)
    ways = (
        ("paraphrase", (("paraphrase_model", section.paraphrase_prefix, (None, None)),)),
        (
            "back_translation",
            (("translation_model", "", there), ("translation_back_model", "", there[::-1])),
        ),
    )
    return [
        Chain(
            kind,
            getattr(section, kind),
            tuple(
                Writer(f"augmentation.{field}", name, prefix, *codes, section.rewriting_beams)
                for field, prefix, codes in writers
                if (name := getattr(section, field)) is not None
            ),
        )
        for kind, writers in ways
    ]


def _written(
    config: Configuration,
    way: Chain,
    examples: Sequence[Example],
    *,
    cache_dir: Path | None,
    poll: Poll,
) -> list[Example]:
    ranked = sorted(examples, key=lambda example: sha256(example.dialogue.encode()).digest())
    wanted = ranked[: round(way.share * len(ranked))]
    groups = [ranked[start : start + GROUP] for start in range(0, len(wanted), GROUP)]
    source = _Source(config, way, cache_dir, poll)
    others = dict(chain.from_iterable(source.others(group).items() for group in groups))
    low, high = config.augmentation.min_overlap, config.augmentation.max_overlap
    used = {one: new for one, new in others.items() if new and low <= overlap(one, new) <= high}
    copies = []
    for example in wanted:
        dialogue = Sentences.of(example.dialogue, _kept_tokens(config)).rewritten(used)
        if dialogue != example.dialogue:
            name = f"{example.fname}+{way.kind}"
            copies.append(replace(example, fname=name, dialogue=dialogue))
    fit = f"{len(used)} of {counted(len(others), 'sentence')} fit to use"
    made = f"{counted(len(wanted), 'dialogue')} made ({fit})"
    _say(way.kind, made, kept=len(copies), dropped=len(wanted) - len(copies))
    return copies


class _Source:
    """Rewritten sentences: from disk, or from checkpoints that are loaded when first needed."""

    def __init__(
        self, config: Configuration, way: Chain, cache_dir: Path | None, poll: Poll
    ) -> None:
        self._config = config
        self._way = way
        self._cache_dir = cache_dir
        self._poll = poll
        self._rewriters: list[Rewriter] = []

    def others(self, group: Sequence[Example]) -> dict[str, str]:
        """Return what is written for each of the group's sentences; empty: nothing."""
        kept = _kept_tokens(self._config)
        found = (Sentences.of(example.dialogue, kept).rewritable for example in group)
        sentences = sorted(set(chain.from_iterable(found)))
        arrays = cached_arrays(
            self._cache_dir, self._key(sentences), lambda: _packed(self._write(sentences))
        )
        return dict(zip(sentences, _unpacked(arrays), strict=True))

    def _write(self, sentences: Sequence[str]) -> list[str]:
        if not self._rewriters:
            self._rewriters = [Rewriter(writer) for writer in self._way.writers]
        steps = self._config.preprocessing.cleaning
        texts = [clean(sentence, steps) for sentence in sentences]
        for rewriter in self._rewriters:
            texts = rewriter.write(
                texts, batch_size=self._config.augmentation.rewriting_batch_size, poll=self._poll
            )
        tags = _kept_tokens(self._config)
        return [
            "" if TAG.search(text) or any(tag in text for tag in tags) else text for text in texts
        ]

    def _key(self, sentences: Sequence[str]) -> str:
        cleaning = sorted(self._config.preprocessing.cleaning)
        writers = [_identity(writer) for writer in self._way.writers]
        content = [FORMAT, self._way.kind, writers, cleaning, list(sentences)]
        return f"rewritten-{sha256(json.dumps(content).encode()).hexdigest()}"


@cache  # a checkpoint's files are read for it
def _identity(writer: Writer) -> list[object]:
    return writer.identity()


def _kept_tokens(config: Configuration) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*PEOPLE, *MASKED, *config.preprocessing.special_tokens)))


def _packed(texts: Sequence[str]) -> Arrays:
    """Return texts as arrays: their letters' numbers, and where each text ends."""
    rows = Ragged.of([[ord(letter) for letter in text] for text in texts])
    return {"letters": rows.ids, "ends": rows.ends}


def _unpacked(arrays: Arrays) -> list[str]:
    rows = Ragged(np.asarray(arrays["letters"]), np.asarray(arrays["ends"]))
    return ["".join(map(chr, row)) for row in rows]


def _say(kind: str, made: str, *, kept: int, dropped: int) -> None:
    log.info("augmentation.%s: %s, %d kept, %d dropped", kind, made, kept, dropped)
