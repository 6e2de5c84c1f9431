"""The sentences of a dialogue that may be rewritten, and the dialogue with others in their place.

Only what a speaker says is a sentence: the tags before it stay, and what holds a tag itself, such
as a masked phone number, stays as it is written.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.noise import LINE_END, TAG

TURN = re.compile(
    rf"((?:\s|{LINE_END})*#Person\d+#\s*:\s*|(?:\s*(?:{LINE_END})\s*)+)", re.IGNORECASE
)
LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Sentences:
    """A dialogue in parts: at even places what is said, at odd ones what parts it."""

    parts: tuple[str, ...]
    kept: tuple[str, ...] = ()  # further tokens treated as tags

    @classmethod
    def of(cls, dialogue: str, kept: Sequence[str] = ()) -> "Sentences":
        """Take a dialogue apart; its parts one behind the other are the dialogue."""
        return cls(tuple(TURN.split(dialogue)), tuple(kept))

    @property
    def rewritable(self) -> list[str]:
        """What is said without a tag in it, in order."""
        return [part.strip() for part in self.parts[::2] if self._may_change(part)]

    def rewritten(self, others: Mapping[str, str]) -> str:
        """Return the dialogue with other sentences in the place of those that have one."""
        return "".join(
            part.replace(part.strip(), others.get(part.strip(), part.strip()))
            if place % 2 == 0 and self._may_change(part)
            else part
            for place, part in enumerate(self.parts)
        )

    def _may_change(self, part: str) -> bool:
        tagged = TAG.search(part) or any(token in part for token in self.kept)
        return not tagged and LETTER.search(part) is not None


def overlap(one: str, other: str) -> float:
    """Return how much two texts share, from 0 to 1: the F1 of their pairs of characters.

    Spaces do not count. Pairs, because Korean words carry endings: a word seldom comes twice alike.
    """
    pairs, others = _pairs(one), _pairs(other)
    both = pairs.total() + others.total()
    return 2 * (pairs & others).total() / both if both else float(one.split() == other.split())


def _pairs(text: str) -> Counter[str]:
    letters = "".join(text.split())
    return Counter(letters[place : place + 2] for place in range(len(letters) - 1))
