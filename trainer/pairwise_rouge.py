"""ROUGE of two texts, each of which is counted once: not for every text that it is held against.

The formulas are rouge_score's (F1 of shared 1-grams and 2-grams, and of the longest common
subsequence), and a test holds every number against it, to the last digit. The subsequence is found
with a whole number as a row of bits (Hyyrö 2004) instead of a table of all pairs of tokens.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TypeVar

MEASURES = ("rouge1", "rouge2", "rougeL")
COMBINED = "rouge_combined_f1"
Unit = TypeVar("Unit", str, tuple[str, str])


@dataclass(frozen=True, eq=False)
class Counted:
    """A text's tokens, what it has of each and of each pair, and where each stands (as bits)."""

    tokens: tuple[str, ...]
    ones: Counter[str]
    twos: Counter[tuple[str, str]]
    places: dict[str, int]

    @classmethod
    def of(cls, tokens: Sequence[str]) -> "Counted":
        """Count a text's tokens."""
        places: dict[str, int] = {}
        for place, token in enumerate(tokens):
            places[token] = places.get(token, 0) | 1 << place
        return cls(tuple(tokens), Counter(tokens), Counter(pairwise(tokens)), places)


def f1(one: Counted, other: Counted, metric: str) -> float:
    """Return the F1 of `metric`, a score of trainer.rouge; the same whichever text comes first."""
    if metric == COMBINED:
        return fmean(f1(one, other, name) for name in MEASURES)
    if metric == "rouge1":
        shared, first, second = _shared(one.ones, other.ones), len(one.tokens), len(other.tokens)
    elif metric == "rouge2":
        shared = _shared(one.twos, other.twos)
        first, second = (max(len(each.tokens) - 1, 0) for each in (one, other))
    else:
        shared, first, second = _subsequence(one, other), len(one.tokens), len(other.tokens)
    if not shared:
        return 0.0
    precision, recall = shared / first, shared / second
    return 2 * precision * recall / (precision + recall)


def _shared(one: Counter[Unit], other: Counter[Unit]) -> int:
    return (one & other).total()


def _subsequence(one: Counted, other: Counted) -> int:
    """Return the length of the longest common subsequence."""
    whole = (1 << len(one.tokens)) - 1
    unmatched = whole
    for token in other.tokens:
        here = unmatched & one.places.get(token, 0)
        unmatched = (unmatched + here | unmatched - here) & whole
    return len(one.tokens) - unmatched.bit_count()
