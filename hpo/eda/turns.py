"""How many turns a dialogue has, and how many people speak in it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.eda.distribution import Distribution, common_edges, distribution
from hpo.eda.splits import Split

# Anywhere, not only at a line's start: noise such as <br> may stand where the line should end.
TURN = re.compile(r"(#Person[0-9]+#)\s*:")


@dataclass(frozen=True)
class SpeakerCount:
    """So many dialogues have so many speakers."""

    speakers: int
    dialogues: int


@dataclass(frozen=True)
class Turns:
    """Turns and speakers in one file.

    A turn begins with a speaker's tag and a colon. without_turns: dialogues that have none.
    """

    split: str
    turns: Distribution
    speakers: tuple[SpeakerCount, ...]
    without_turns: int


def measure_turns(splits: Sequence[Split]) -> tuple[Turns, ...]:
    """Count turns and speakers in every file."""
    found = {
        split.name: [TURN.findall(example.dialogue) for example in split.examples]
        for split in splits
    }
    counts = {name: [len(turns) for turns in each] for name, each in found.items()}
    edges = common_edges(list(counts.values()))
    return tuple(
        Turns(
            split=name,
            turns=distribution(counts[name], edges=edges),
            speakers=_speakers(each),
            without_turns=counts[name].count(0),
        )
        for name, each in found.items()
    )


def _speakers(dialogues: Sequence[Sequence[str]]) -> tuple[SpeakerCount, ...]:
    by_number = Counter(len(set(turns)) for turns in dialogues)
    return tuple(SpeakerCount(number, by_number[number]) for number in sorted(by_number))
