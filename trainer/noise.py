"""Noise on a dialogue's words: punctuation thrown in (AEDA), neighbours swapped, words left out.

A word that holds a tag, such as `#Person1#:` or `#PhoneNumber#로`, is never moved, left out or
passed over, and words stay in their turn. How many words change is the share that is asked for,
rounded up or down by chance. The same seed and text give the same noise on every machine.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random

MARKS = (".", ";", "?", ":", "!", ",")  # AEDA's (Karimi et al. 2021, arXiv 2108.13230)
LINE_END = r"\n|\\r|\\n|<\s*/?\s*br\s*/?\s*>"
BREAK = re.compile(LINE_END, re.IGNORECASE)
BETWEEN = re.compile(rf"((?:\s|{LINE_END})+)", re.IGNORECASE)
TAG = re.compile(r"#[A-Za-z]+\d*#")


@dataclass(frozen=True)
class Word:
    """A word and what stands before it; `run` numbers the stretch it may move in, None: fixed."""

    before: str
    text: str
    run: int | None


def noisy(text: str, kind: str, share: float, *, seed: str, kept: Sequence[str] = ()) -> str:
    """Return the text with noise of a kind (a name of `KINDS`).

    share: of the words that no tag is in, from 0 to 1. kept: further tokens treated as tags.
    """
    digest = sha256(f"{seed}\0{kind}\0{text}".encode()).digest()
    chance = Random(int.from_bytes(digest[:8]))  # its random() alone is the same in all Pythons
    words, end = _words(text, kept)
    return "".join(word.before + word.text for word in KINDS[kind](words, share, chance)) + end


def _words(text: str, kept: Sequence[str]) -> tuple[list[Word], str]:
    """Return the words, and what stands behind the last."""
    parts = BETWEEN.split(text)
    words: list[Word] = []
    run = 0
    for before, word in zip(["", *parts[1::2]], parts[::2], strict=True):
        fixed = bool(TAG.search(word)) or any(token in word for token in kept)
        if fixed or BREAK.search(before):
            run += 1
        words.append(Word(before, word, None if fixed else run))
        run += fixed
    end = ""
    if words[-1].text == "":  # behind the last separator
        end = words.pop().before
    if words and words[0].text == "":  # the text begins with a separator
        words.pop(0)
    return words, end


def _punctuated(words: Sequence[Word], share: float, chance: Random) -> Iterator[Word]:
    chosen = set(_chosen(_movable(words), share, chance))
    for place, word in enumerate(words):
        if place not in chosen:
            yield word
            continue
        yield Word(word.before, MARKS[int(chance.random() * len(MARKS))], word.run)
        yield Word(" ", word.text, word.run)


def _swapped(words: Sequence[Word], share: float, chance: Random) -> list[Word]:
    found = list(words)
    movable = _movable(words)
    wanted = _rounded(share * len(movable) / 2, chance)
    pairs = [n for n in movable[:-1] if n + 1 < len(words) and words[n].run == words[n + 1].run]
    moved: set[int] = set()
    for first in _shuffled(pairs, chance):
        if len(moved) >= 2 * wanted:
            break
        if moved.isdisjoint((first, first + 1)):
            one, other = words[first], words[first + 1]
            found[first] = Word(one.before, other.text, one.run)
            found[first + 1] = Word(other.before, one.text, other.run)
            moved |= {first, first + 1}
    return found


def _thinned(words: Sequence[Word], share: float, chance: Random) -> Iterator[Word]:
    left: dict[int | None, int] = {}
    for word in words:
        left[word.run] = left.get(word.run, 0) + 1
    movable = _movable(words)
    wanted = _rounded(share * len(movable), chance)
    gone: set[int] = set()
    for place in _shuffled(movable, chance):
        run = words[place].run
        if len(gone) < wanted and left[run] > 1:  # no turn loses its last word
            gone.add(place)
            left[run] -= 1
    carried: str | None = None
    for place, word in enumerate(words):
        before = word.before if carried is None else carried
        carried = None
        if place not in gone:
            yield Word(before, word.text, word.run)
        elif place == 0 or BREAK.search(before):
            carried = before  # the next word of the turn begins the line


KINDS: Mapping[str, Callable[[Sequence[Word], float, Random], Iterator[Word] | list[Word]]] = {
    "aeda": _punctuated,
    "swap": _swapped,
    "delete": _thinned,
}


def _movable(words: Sequence[Word]) -> list[int]:
    return [place for place, word in enumerate(words) if word.run is not None]


def _chosen(places: Sequence[int], share: float, chance: Random) -> list[int]:
    return _shuffled(places, chance)[: _rounded(share * len(places), chance)]


def _shuffled(places: Sequence[int], chance: Random) -> list[int]:
    return sorted(places, key=lambda _: chance.random())


def _rounded(number: float, chance: Random) -> int:
    return int(number + chance.random())
