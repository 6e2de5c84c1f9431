"""Dialogues that are there twice, or nearly, within a file and from one file to another.

Every pair of dialogues is compared, without a guess: the number of pieces that two texts share is
one sparse matrix product, 10 s of a processor's time for the competition's 13,455 dialogues.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from hpo.eda.splits import Split
from trainer.rouge import TAG

PIECE = 4  # letters
NEAR = 0.25
LISTED = 1_000  # pairs of each two files
ROWS_AT_ONCE = 256
START = 400  # characters
SIMILARITY_BIN = 0.05
NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Place:
    """A dialogue by its file and name, and its first 400 characters."""

    split: str
    fname: str
    start: str


@dataclass(frozen=True)
class Pair:
    """Two dialogues; exact: the same text but for white space. similarity: from 0 to 1."""

    first: Place
    second: Place
    similarity: float
    exact: bool


@dataclass(frozen=True)
class Overlap:
    """What two files, or a file and itself, have in common.

    exact, near: pairs of the same text, and further pairs at least `near` alike. of_second:
    dialogues of the second file that are in any of them. pairs: the most alike, at most 1,000.
    """

    first: str
    second: str
    exact: int
    near: int
    of_second: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Duplicates:
    """Every pair of dialogues at least `near` alike.

    similarity: of two texts, the pieces of `piece` letters that both have over those that either
    has (Jaccard), without tags, spaces, punctuation and capitals. alike: dialogues that have
    another at least `near` alike. nearest: how many dialogues have their nearest other one in each
    0.05 of similarity, from 0 on; 1 is in the last.
    """

    near: float
    piece: int
    overlaps: tuple[Overlap, ...]
    alike: int
    nearest: tuple[int, ...]


@dataclass
class _Found:
    exact: int
    total: int
    seconds: set[int]
    best: NDArray[Any]  # shape (pairs, 3): similarity, row, row


def find_duplicates(splits: Sequence[Split], *, near: float = NEAR) -> Duplicates:
    """Compare all dialogues with one another."""
    names = [split.name for split in splits]
    places = [
        Place(split.name, each.fname, each.dialogue[:START])
        for split in splits
        for each in split.examples
    ]
    texts = [each.dialogue for split in splits for each in split.examples]
    groups = _numbers([" ".join(text.split()) for text in texts])
    of_split = np.array([names.index(place.split) for place in places])
    nearest = np.zeros(len(texts))
    found: dict[tuple[int, int], _Found] = {}
    for rows, columns, alike in _compared(texts):
        np.maximum.at(nearest, rows, alike)
        np.maximum.at(nearest, columns, alike)
        close = np.column_stack((alike, rows, columns))[alike >= near]
        _collect(found, close, of_split=of_split, groups=groups)
    bins = np.minimum((nearest + 1e-9) // SIMILARITY_BIN, 1 / SIMILARITY_BIN - 1).astype(int)
    return Duplicates(
        near=near,
        piece=PIECE,
        overlaps=tuple(
            _overlap((names[a], names[b]), found.get((a, b)), places, groups)
            for a in range(len(names))
            for b in range(a, len(names))
        ),
        alike=int((nearest >= near).sum()),
        nearest=tuple(np.bincount(bins, minlength=round(1 / SIMILARITY_BIN)).tolist()),
    )


def pieces(text: str) -> set[str]:
    """Return what is compared of a text; one too short is its own only piece."""
    letters = NOT_LETTERS.sub("", TAG.sub("", text)).lower()
    if len(letters) < PIECE:
        return {letters or " ".join(text.split())}
    return {letters[start : start + PIECE] for start in range(len(letters) - PIECE + 1)}


def _compared(texts: Sequence[str]) -> Iterator[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]]:
    """Yield rows, columns and similarities of the pairs that share a piece, row < column."""
    numbers: dict[str, int] = {}
    sets = [
        sorted(numbers.setdefault(piece, len(numbers)) for piece in pieces(text)) for text in texts
    ]
    sizes = np.array([len(each) for each in sets])
    columns = np.concatenate([np.array(each, dtype=np.int32) for each in sets])
    ends = np.concatenate(([0], np.cumsum(sizes)))
    has = sparse.csr_matrix((np.ones(len(columns), dtype=np.float32), columns, ends))
    has = has[:, np.flatnonzero(np.bincount(columns) > 1)]  # what only one text has is never shared
    turned = has.T.tocsr()
    for start in range(0, len(texts), ROWS_AT_ONCE):
        shared = (has[start : start + ROWS_AT_ONCE] @ turned).tocoo()
        rows = shared.row + start
        above = rows < shared.col
        rows, others, common = rows[above], shared.col[above], shared.data[above]
        yield rows, others, common / (sizes[rows] + sizes[others] - common)


def _collect(
    found: dict[tuple[int, int], _Found],
    pairs: NDArray[Any],
    *,
    of_split: NDArray[Any],
    groups: NDArray[Any],
) -> None:
    """Add pairs of shape (pairs, 3), similarity, row and column, to those of their files."""
    rows, columns = pairs[:, 1].astype(int), pairs[:, 2].astype(int)
    sides = np.column_stack((of_split[rows], of_split[columns]))
    for first, second in {(int(a), int(b)) for a, b in sides}:
        mine = (sides == (first, second)).all(axis=1)
        empty = _Found(exact=0, total=0, seconds=set(), best=np.empty((0, 3)))
        kept = found.setdefault((first, second), empty)
        kept.exact += int((groups[rows[mine]] == groups[columns[mine]]).sum())
        kept.total += int(mine.sum())
        kept.seconds.update(columns[mine].tolist())
        if first == second:
            kept.seconds.update(rows[mine].tolist())
        both = np.concatenate((kept.best, pairs[mine]))
        kept.best = both[np.lexsort((both[:, 2], both[:, 1], -both[:, 0]))[:LISTED]]


def _overlap(
    names: tuple[str, str], found: _Found | None, places: Sequence[Place], groups: NDArray[Any]
) -> Overlap:
    if found is None:
        return Overlap(*names, exact=0, near=0, of_second=0, pairs=())
    pairs = [
        Pair(places[int(a)], places[int(b)], float(alike), bool(groups[int(a)] == groups[int(b)]))
        for alike, a, b in found.best
    ]
    return Overlap(
        *names,
        exact=found.exact,
        near=found.total - found.exact,
        of_second=len(found.seconds),
        pairs=tuple(sorted(pairs, key=lambda pair: (not pair.exact, -pair.similarity))),
    )


def _numbers(texts: Sequence[str]) -> NDArray[Any]:
    """Number the texts so that equal ones have one number."""
    known: dict[str, int] = {}
    return np.array([known.setdefault(text, len(known)) for text in texts])
