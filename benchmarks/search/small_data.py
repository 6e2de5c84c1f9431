"""Small sets of labelled examples from what is installed: text, pictures, tables, sequences.

Text is cut into patches of a few characters, a token each; the last fifth of every text is kept for
validation, so that nothing is seen in training that is asked for there.
"""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn import datasets
from torch import Tensor

TRAINED_ON, VALIDATED_ON = 4096, 128
KEPT_TEXT = 0.2  # of each text, for validation
SAMPLE = Path(__file__).parents[2] / "config" / "sample" / "dialogues" / "train.csv"
REDRAWN = 0.1  # of the classes of made-up sequences
PATCH = 8  # pixels on a side

Tokens = NDArray[np.int64]
Labelled = tuple[NDArray[np.float32] | Tokens, Tokens]


@dataclass(frozen=True)
class Examples:
    """Inputs, examples x tokens or examples x features, and their classes from 0."""

    inputs: Tensor
    labels: Tensor
    validation_inputs: Tensor
    validation_labels: Tensor
    classes: int
    vocabulary: int | None

    @classmethod
    def of(cls, train: Labelled, validation: Labelled, vocabulary: int | None) -> "Examples":
        """Both parts as tensors; features get the training part's mean 0 and deviation 1."""
        (x, y), (seen, answers) = train, validation
        if vocabulary is None:
            middle, spread = x.mean(0), x.std(0) + 1e-6
            x, seen = (x - middle) / spread, (seen - middle) / spread
        return cls(
            torch.from_numpy(x),
            torch.from_numpy(y),
            torch.from_numpy(seen),
            torch.from_numpy(answers),
            classes=int(max(y.max(), answers.max())) + 1,
            vocabulary=vocabulary,
        )


def modules(*names: str) -> list[str]:
    """The source of packages of Python's own library, a text each."""
    library = Path(sys.modules["os"].__file__ or "").parent
    return [
        "\n".join(path.read_text("utf-8") for path in sorted((library / name).glob("*.py")))
        for name in names
    ]


def prose() -> str:
    """The reference manual of Python as `help()` shows it."""
    return "\n".join(topics[name] for name in sorted(topics))


def dialogues() -> list[str]:
    """The sample's Korean dialogues, a text for each of the three topics with the most of them."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    common = Counter(row["topic"] for row in rows).most_common(3)
    return ["\n".join(r["dialogue"] for r in rows if r["topic"] == topic) for topic, _ in common]


def patches(texts: Sequence[str], *, length: int, vocabulary: int, seed: int) -> Examples:
    """Which of the texts a patch is from."""
    chance = np.random.default_rng(seed)

    def draw(parts: Sequence[Tokens], count: int) -> Labelled:
        labels = chance.integers(len(parts), size=count)
        return np.stack([_cut(parts[label], length, chance) for label in labels]), labels

    return _of_text(texts, vocabulary, draw)


def next_character(text: str, *, length: int, vocabulary: int, seed: int) -> Examples:
    """Which character follows a patch."""
    chance = np.random.default_rng(seed)

    def draw(parts: Sequence[Tokens], count: int) -> Labelled:
        cut = np.stack([_cut(parts[0], length + 1, chance) for _ in range(count)])
        return cut[:, :-1], cut[:, -1]

    return _of_text([text], vocabulary, draw)


def turned(text: str, *, length: int, vocabulary: int, seed: int) -> Examples:
    """Whether a patch is as it was written or back to front."""
    chance = np.random.default_rng(seed)

    def draw(parts: Sequence[Tokens], count: int) -> Labelled:
        cut = np.stack([_cut(parts[0], length, chance) for _ in range(count)])
        labels = chance.integers(2, size=count)
        return np.where(labels[:, None] == 1, cut[:, ::-1], cut), labels

    return _of_text([text], vocabulary, draw)


def sequences(rule: str, *, length: int, seed: int) -> Examples:
    """Digits by chance, classed by a rule: the `first`, the `sum` of two modulo 3, `more` 1 than 2.

    A tenth of the classes is drawn anew, so that the loss has a floor.
    """
    chance = np.random.default_rng(seed)

    def draw(count: int) -> Labelled:
        digits = chance.integers(4, size=(count, length))
        labels = {
            "first": digits[:, 0],
            "sum": (digits[:, 1] + digits[:, length // 2]) % 3,
            "more": ((digits == 1).sum(1) > (digits == 2).sum(1)).astype(np.int64),  # noqa: PLR2004
        }[rule]
        anew = chance.integers(labels.max() + 1, size=count)
        return digits, np.where(chance.random(count) < REDRAWN, anew, labels)

    return Examples.of(draw(TRAINED_ON), draw(VALIDATED_ON), 4)


def pictures(seed: int) -> Examples:
    """Which of scikit-learn's two photographs a patch of 8 x 8 grey pixels is from."""
    chance = np.random.default_rng(seed)
    names = ("china.jpg", "flower.jpg")
    grey = [np.asarray(datasets.load_sample_image(name)).mean(2) for name in names]
    cuts = [int(one.shape[1] * (1 - KEPT_TEXT)) for one in grey]

    def draw(parts: Sequence[NDArray[np.float64]], count: int) -> Labelled:
        labels = chance.integers(len(parts), size=count)
        cut = np.empty((count, PATCH * PATCH), dtype=np.float32)
        for row, label in enumerate(labels):
            height, width = parts[label].shape
            top, left = chance.integers(height - PATCH), chance.integers(width - PATCH)
            cut[row] = parts[label][top : top + PATCH, left : left + PATCH].ravel()
        return cut, labels

    train = [one[:, :cut] for one, cut in zip(grey, cuts, strict=True)]
    validation = [one[:, cut:] for one, cut in zip(grey, cuts, strict=True)]
    return Examples.of(draw(train, TRAINED_ON), draw(validation, VALIDATED_ON), None)


def table(name: str, *, seed: int, noisy_labels: float = 0.0) -> Examples:
    """A table of scikit-learn (`digits`, …); a share of the training labels is drawn anew."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    if y.max() > len(set(y)) or y.dtype.kind == "f":  # a measure: its thirds
        y = np.digitize(y, np.quantile(y, (1 / 3, 2 / 3)))
    chance = np.random.default_rng(seed)
    order, kept = chance.permutation(len(y)), min(VALIDATED_ON, len(y) // 3)
    x, y = x[order].astype(np.float32), y[order].astype(np.int64)
    train = y[kept:].copy()
    redrawn = chance.random(len(train)) < noisy_labels
    train[redrawn] = chance.integers(y.max() + 1, size=int(redrawn.sum()))
    return Examples.of((x[kept:], train), (x[:kept], y[:kept]), None)


def _of_text(
    texts: Sequence[str], vocabulary: int, draw: Callable[[Sequence[Tokens], int], Labelled]
) -> Examples:
    """Drawn from the texts' first and last parts; characters by frequency, the rare ones are 0."""
    common = Counter("".join(texts)).most_common(vocabulary - 1)
    number = {character: place for place, (character, _) in enumerate(common, 1)}
    tokens = [np.array([number.get(one, 0) for one in text], dtype=np.int64) for text in texts]
    cuts = [int(len(one) * (1 - KEPT_TEXT)) for one in tokens]
    train = draw([one[:cut] for one, cut in zip(tokens, cuts, strict=True)], TRAINED_ON)
    validation = draw([one[cut:] for one, cut in zip(tokens, cuts, strict=True)], VALIDATED_ON)
    return Examples.of(train, validation, vocabulary)


def _cut(tokens: Tokens, length: int, chance: np.random.Generator) -> Tokens:
    start = chance.integers(len(tokens) - length)
    return tokens[start : start + length]
