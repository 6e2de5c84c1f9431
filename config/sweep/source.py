"""A sweep file as it was written: values that know their line, and refuse what cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from config import yaml_text
from config.errors import SourceError
from config.fields import nearest
from config.problems import shown
from config.section import number
from config.text_file import read_text

LARGEST = 1e15


@dataclass(frozen=True)
class Written:
    """A value in the file.

    path: the keys and list places that lead to it, from the top.
    lines: of every path in the file.
    """

    value: object
    path: yaml_text.Path
    lines: Mapping[yaml_text.Path, int]

    @property
    def line(self) -> int:
        """Line of its key, from 1."""
        return self.lines.get(self.path, 1)

    @property
    def where(self) -> str:
        """How messages name the place: `line 3: metric.goal`."""
        return f"line {self.line}: {'.'.join(map(str, self.path))}".rstrip(": ")

    def refuse(self, reason: str) -> NoReturn:
        """Raise SourceError with the place."""
        raise SourceError(f"{self.where}: {reason}")

    def get(self, key: str) -> Written | None:
        """Give what a mapping has under a key; None where it lacks it."""
        mapping = self.mapping()
        return self._inside(key, mapping[key]) if key in mapping else None

    def need(self, key: str) -> Written:
        """Give what a mapping has under a key that it must have."""
        found = self.get(key)
        return found if found is not None else self.refuse(f"lacks {key}; write it")

    def children(self) -> Iterator[tuple[str, Written]]:
        """Give the keys of a mapping with their values, in order."""
        for key, value in self.mapping().items():
            yield key, self._inside(key, value)

    def items(self) -> list[Written]:
        """Give the values of a list, which must hold at least one."""
        if not isinstance(self.value, list) or not self.value:
            self.refuse(f"{shown(self.value)} is not a list of values; write [a, b]")
        return [self._inside(place, value) for place, value in enumerate(self.value)]

    def mapping(self) -> Mapping[str, object]:
        """Give the value as a mapping."""
        if not isinstance(self.value, Mapping):
            self.refuse(f"{shown(self.value)} is not a mapping; write name: value")
        return self.value

    def only(self, keys: Sequence[str]) -> None:
        """Refuse every other key."""
        for key, child in self.children():
            if key not in keys:
                child.refuse(f"W&B has no such key here; {nearest(key, list(keys))}")

    def number(self) -> int | float:
        """Give the value as a number; a quoted one too."""
        value = number(self.value) if not isinstance(self.value, bool) else self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(f"{shown(value)} is not a number")
        if not -LARGEST <= value <= LARGEST:
            self.refuse(f"{shown(value)} is not a number that can be searched")
        return value

    def whole(self, *, least: int) -> int:
        """Give the value as a whole number of at least `least`."""
        value = self.number()
        if value != int(value) or value < least:
            self.refuse(f"{shown(self.value)} is not a whole number of at least {least}")
        return int(value)

    def word(self, words: Sequence[str]) -> str:
        """Give the value as one of these words."""
        if not isinstance(self.value, str) or self.value not in words:
            hint = nearest(str(self.value), list(words))
            self.refuse(f"{shown(self.value)} is not known here; {hint}")
        return self.value

    def _inside(self, part: str | int, value: object) -> Written:
        return Written(value, (*self.path, part), self.lines)


def read_sweep(path: Path) -> Written:
    """Read a sweep file; raises SourceError with the file and the line of a mistake."""
    try:
        content, lines = yaml_text.read_with_lines(read_text(path))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; name a W&B sweep's YAML file") from error
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise SourceError(f"{path}: is not a mapping; write method:, metric: and parameters:")
    return Written(content, (), lines)
