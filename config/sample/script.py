"""Reads a scene's script and performs it: wordings chosen, slots filled, speakers numbered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from string import Formatter
from textwrap import dedent
from typing import Generic, TypeVar

from config.sample.particles import Word
from config.sample.sentences import COMMON_SLOTS, LAUGHS, TEARS, Topic

T = TypeVar("T")
OPTIONAL_SHARE = 0.5


@dataclass(frozen=True)
class Turn:
    """One thing that a speaker says, in one of several wordings."""

    speaker: str
    wordings: tuple[str, ...]
    optional: bool


@dataclass(frozen=True)
class Scene:
    """A script as data: its turns in order and the sentences of its summary."""

    turns: tuple[Turn, ...]
    summary: tuple[str, ...]


@dataclass(frozen=True)
class Dialogue:
    """A performed scene: a line for each turn, `#Person1#: 안녕하세요.`, and the summary's text."""

    lines: tuple[str, ...]
    summary: str


def read_scene(script: str) -> Scene:
    """Scene in a script of the form that `sentences` describes; ValueError names a bad line."""
    turns: list[Turn] = []
    summary: list[str] = []
    for line in dedent(script).strip().splitlines():
        mark, _, text = line.partition(" ")
        if mark == "=":
            summary.append(text)
        elif mark == "/" and turns:
            last = turns.pop()
            turns.append(Turn(last.speaker, (*last.wordings, text), last.optional))
        elif mark.rstrip("?") in ("A", "B", "C", "D"):
            turns.append(Turn(mark[0], (text,), mark.endswith("?")))
        else:
            raise ValueError(f"a script's line starts with A to D, / or =, not {line!r}")
    return Scene(tuple(turns), tuple(summary))


class Deck(Generic[T]):
    """Deals values in a drawn order, each once before any comes again."""

    def __init__(self, values: Sequence[T], rng: Random) -> None:
        self.values = values
        self._rng = rng
        self._left: list[T] = []

    def deal(self) -> T:
        """The next value."""
        if not self._left:
            self._left = shuffled(self.values, self._rng)
        return self._left.pop()


def decks_of(topic: Topic, rng: Random) -> dict[str, Deck[str]]:
    """A deck for each slot that the topic's scenes can use."""
    slots = {**COMMON_SLOTS, **topic.slots}
    return {names: Deck(values, rng) for names, values in slots.items()}


def perform(scene: Scene, decks: Mapping[str, Deck[str]], rng: Random) -> Dialogue:
    """One dialogue of the scene; equal states of `decks` and `rng` give equal dialogues."""
    slots = draw_slots(decks, rng)
    said = _said(scene.turns, rng)
    speakers = dict.fromkeys(turn.speaker for turn in said)
    tags = {name: Word(f"#Person{place}#") for place, name in enumerate(speakers, start=1)}
    lines: list[str] = []
    last_speaker = ""
    for turn in said:
        noise = {"laugh": pick(LAUGHS, rng), "cry": pick(TEARS, rng)}
        text = pick(turn.wordings, rng).format(**slots, **tags, **noise)
        if turn.speaker == last_speaker:
            lines[-1] += f" {text}"
        else:
            lines.append(f"{tags[turn.speaker]}: {text}")
        last_speaker = turn.speaker
    return Dialogue(tuple(lines), " ".join(scene.summary).format(**slots, **tags))


def _said(turns: Sequence[Turn], rng: Random) -> list[Turn]:
    said: list[Turn] = []
    for optional, run in groupby(turns, key=lambda turn: turn.optional):
        if not optional or rng.random() < OPTIONAL_SHARE:
            said.extend(run)
    return said


def draw_slots(decks: Mapping[str, Deck[str]], rng: Random) -> dict[str, Word]:
    """Two different values of each slot: `day` and `day2`; `a/b` gives `a`, `b`, `a2`, `b2`."""
    drawn: dict[str, Word] = {}
    for names, deck in decks.items():
        first = deck.deal()
        second = pick([value for value in deck.values if value != first], rng)
        for value, place in ((first, ""), (second, "2")):
            for name, part in zip(names.split("/"), value.split("/"), strict=True):
                drawn[f"{name}{place}"] = Word(part)
    return drawn


def slot_names(text: str) -> set[str]:
    """Names in braces in a line of a script."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def pick(options: Sequence[T], rng: Random) -> T:
    """One of the options. Only `random()` is promised to be the same in every Python version."""
    return options[int(rng.random() * len(options))]


def shuffled(items: Sequence[T], rng: Random) -> list[T]:
    """The items in a drawn order, by Fisher and Yates on `random()` alone (see `pick`)."""
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order
