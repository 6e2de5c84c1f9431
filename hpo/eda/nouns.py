"""The nouns of Korean texts, by Kiwi."""

import os
from collections.abc import Sequence

from kiwipiepy import Kiwi

from trainer.rouge import KIWI_THREADS, TAG

NOUNS = frozenset({"NNG", "NNP"})  # common and proper nouns
SHORTEST = 2  # syllables; nouns of one are mostly counters and pieces of other words


def nouns(texts: Sequence[str]) -> list[list[str]]:
    """Return each text's nouns of at least two syllables in their order; tags are left out."""
    kiwi = Kiwi(num_workers=min(KIWI_THREADS, os.cpu_count() or 1))
    analysed = kiwi.tokenize(TAG.sub(" ", text) for text in texts)
    return [
        [token.form for token in tokens if token.tag in NOUNS and len(token.form) >= SHORTEST]
        for tokens in analysed
    ]
