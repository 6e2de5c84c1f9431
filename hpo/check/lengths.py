"""Which share of the texts the length limits cut off."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.entries import CategoricalEntry
from config.schema import Configuration
from hpo.check.finding import Finding
from hpo.check.subject import Subject

NAME = "lengths"
WANTED = 0.01
"""The share cut that is taken as harmless."""


@dataclass(frozen=True)
class Limit:
    """A limit in tokens, the end token included, and the lengths of what it cuts."""

    field: str
    what: str
    tokens: int
    lengths: Sequence[int]

    @property
    def share(self) -> float:
        """The share of the texts that are longer."""
        return sum(length > self.tokens for length in self.lengths) / len(self.lengths)

    @property
    def enough(self) -> int:
        """The limit that cuts no more than WANTED."""
        ordered = sorted(self.lengths)
        return ordered[math.ceil(len(ordered) * (1 - WANTED)) - 1]

    def __str__(self) -> str:
        return (
            f"{self.field} {self.tokens} cuts {self.share:.1%} of {len(self.lengths)} {self.what}"
        )


def look_at_lengths(subject: Subject) -> Finding:
    """Encode train and dev as a training would, without a limit."""
    limits = limits_of(subject.config, *subject.token_lengths.get())
    text = ", ".join(map(str, limits))
    short = [limit for limit in limits if limit.share > WANTED]
    if not short:
        return Finding(NAME, "ok", text)
    mend = ", ".join(f"{limit.field} {limit.enough}" for limit in short)
    return Finding(NAME, "warning", text, f"{mend} would cut at most {WANTED:.0%}")


def limits_of(
    config: Configuration, dialogues: Sequence[int], summaries: Sequence[int]
) -> list[Limit]:
    """The configured limits, at the smallest value that the search space gives each."""
    return [
        Limit(field, what, _smallest(config, field, value), lengths)
        for field, what, value, lengths in (
            ("model.max_encoder_length", "dialogues", config.model.max_encoder_length, dialogues),
            ("model.max_decoder_length", "summaries", config.model.max_decoder_length, summaries),
            ("generation.max_new_tokens", "summaries", config.generation.max_new_tokens, summaries),
        )
    ]


def _smallest(config: Configuration, field: str, fixed: int) -> int:
    entry = config.optuna.search_space.get(field)
    if entry is None:
        return fixed
    if isinstance(entry, CategoricalEntry):
        return min(choice for choice in entry.choices if isinstance(choice, int))
    return int(entry.low)
