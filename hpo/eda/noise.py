"""The noise of typed chat, before and after the configured cleaning."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from config.schema import Configuration
from hpo.eda.splits import Split
from trainer.clean import CRYING, LAUGHTER, LINE_BREAKS, NEWLINES, STRAY_JAMO, clean
from trainer.data import Example

# What each cleaning step is there for. Jamo that are laughter or crying count as that only.
NOISE: dict[str, re.Pattern[str]] = {
    "newlines": NEWLINES,
    "line_breaks": LINE_BREAKS,
    "laughter": LAUGHTER,
    "crying": CRYING,
    "stray_jamo": re.compile(rf"(?:(?![ㅋㅎㅠㅜ]){STRAY_JAMO.pattern.rstrip('+')})+"),
    "whitespace": re.compile(r"\s{2,}|\A\s+|\s+\Z"),
}
EXAMPLES = 3  # of each kind
AROUND = 60  # characters of the text on each side of what an example shows


@dataclass(frozen=True)
class NoiseCount:
    """One kind of noise in one kind of text of one file.

    texts_…: how many texts have it; times_…: how often. cleaned: whether the configuration has
    the step of that name for these texts.
    """

    split: str
    text: str
    step: str
    cleaned: bool
    texts_before: int
    times_before: int
    texts_after: int
    times_after: int


@dataclass(frozen=True)
class NoiseExample:
    """A place with noise: the piece as it is written, and as the configured cleaning leaves it."""

    step: str
    split: str
    text: str
    fname: str
    before: str
    after: str


def count_noise(config: Configuration, splits: Sequence[Split]) -> tuple[NoiseCount, ...]:
    """Count each kind of noise in dialogues and first summaries."""
    counts: list[NoiseCount] = []
    for split in splits:
        for text in ("dialogue", "summary"):
            steps = _steps(config, text)
            written = [each for _, each in _texts(split.examples, text)]
            cleaned = [clean(each, steps) for each in written]
            for step in NOISE if written else ():
                before, after = _times(step, written), _times(step, cleaned)
                found = NoiseCount(split.name, text, step, step in steps, *before, *after)
                counts.append(found)
    return tuple(counts)


def noise_examples(config: Configuration, splits: Sequence[Split]) -> tuple[NoiseExample, ...]:
    """Return the first few places of each kind of noise, except white space, which cannot be seen.

    The cleaned side is the piece cleaned by itself.
    """
    found: list[NoiseExample] = []
    for step in NOISE:
        if step == "whitespace":
            continue
        places = _places(config, splits, step)
        found += [each for each, _ in zip(places, range(EXAMPLES), strict=False)]
    return tuple(found)


def _times(step: str, texts: Sequence[str]) -> tuple[int, int]:
    """Return how many texts have the noise, and how often it is there."""
    times = [len(NOISE[step].findall(text)) for text in texts]
    return sum(map(bool, times)), sum(times)


def _places(config: Configuration, splits: Sequence[Split], step: str) -> Iterator[NoiseExample]:
    for split in splits:
        for text in ("dialogue", "summary"):
            for fname, written in _texts(split.examples, text):
                place = NOISE[step].search(written)
                if place is None:
                    continue
                piece = written[max(0, place.start() - AROUND) : place.end() + AROUND]
                after = clean(piece, _steps(config, text))
                yield NoiseExample(step, split.name, text, fname, piece, after)


def _texts(examples: Sequence[Example], text: str) -> list[tuple[str, str]]:
    if text == "dialogue":
        return [(example.fname, example.dialogue) for example in examples]
    return [(example.fname, example.summaries[0]) for example in examples if example.summaries]


def _steps(config: Configuration, text: str) -> tuple[str, ...]:
    kept = text == "summary" and not config.preprocessing.clean_summaries
    return () if kept else config.preprocessing.cleaning
