"""Tags such as #Person1# and #PhoneNumber#: where they are, and which the tokenizer splits."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from config.schema import Configuration
from config.sections import MASKED, PEOPLE
from hpo.eda.splits import Split
from trainer.rouge import TAG


@dataclass(frozen=True)
class TagCount:
    """One tag in one file.

    dialogues: how many have it; in_dialogues, in_summaries: how often it is there (each first
    summary). kind: speaker, personal (masked data) or other. special: one token for the tokenizer.
    """

    split: str
    tag: str
    kind: str
    special: bool
    dialogues: int
    in_dialogues: int
    in_summaries: int


@dataclass(frozen=True)
class BrokenTag:
    """What looks like a tag that lost a # or a capital: `found`, so many times."""

    split: str
    found: str
    times: int
    fname: str


def count_tags(config: Configuration, splits: Sequence[Split]) -> tuple[TagCount, ...]:
    """Count every tag that is known or found, in every file; zeros are kept for the known ones."""
    special = frozenset(config.preprocessing.special_tokens)
    known = dict.fromkeys((*PEOPLE, *MASKED, *filter(TAG.fullmatch, sorted(special))))
    others = {
        tag
        for split in splits
        for example in split.examples
        for text in (example.dialogue, *example.summaries[:1])
        for tag in TAG.findall(text)
    }
    tags = [*known, *sorted(others - known.keys())]
    return tuple(count for split in splits for count in _of_split(split, tags, special))


def find_broken(config: Configuration, splits: Sequence[Split]) -> tuple[BrokenTag, ...]:
    """Find what is a known tag but for a missing # or other capitals; the first place of each."""
    special = {*PEOPLE, *MASKED, *filter(TAG.fullmatch, config.preprocessing.special_tokens)}
    names = "|".join(sorted(re.escape(tag.strip("#")) for tag in special))
    pattern = re.compile(
        rf"#\s*(?:{names})(?![A-Za-z0-9_])#?|(?<![#\w])(?:{names})#", re.IGNORECASE
    )
    broken: list[BrokenTag] = []
    for split in splits:
        times: Counter[str] = Counter()
        first: dict[str, str] = {}
        for example in split.examples:
            for text in (example.dialogue, *example.summaries):
                for found in pattern.findall(text):
                    if found not in special:
                        times[found] += 1
                        first.setdefault(found, example.fname)
        broken += [BrokenTag(split.name, found, n, first[found]) for found, n in times.items()]
    return tuple(broken)


def _of_split(split: Split, tags: Sequence[str], special: frozenset[str]) -> list[TagCount]:
    dialogues: Counter[str] = Counter()
    in_dialogues: Counter[str] = Counter()
    in_summaries: Counter[str] = Counter()
    for example in split.examples:
        found = TAG.findall(example.dialogue)
        in_dialogues.update(found)
        dialogues.update(set(found))
        for summary in example.summaries[:1]:
            in_summaries.update(TAG.findall(summary))
    return [
        TagCount(
            split=split.name,
            tag=tag,
            kind=_kind(tag),
            special=tag in special,
            dialogues=dialogues[tag],
            in_dialogues=in_dialogues[tag],
            in_summaries=in_summaries[tag],
        )
        for tag in tags
    ]


def _kind(tag: str) -> str:
    if tag in MASKED:
        return "personal"
    return "speaker" if tag.startswith("#Person") else "other"
