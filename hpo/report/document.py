"""A report as blocks of plain text: Markdown and HTML are two ways to write the same.

Nothing here is escaped yet; whoever writes a block escapes it and hides secrets in it.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Link:
    """A label and the address that it leads to."""

    label: str
    url: str


@dataclass(frozen=True)
class Table:
    """Rows of cells under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Points:
    """A list; `boxes`: each point can be ticked off."""

    items: tuple[str, ...]
    boxes: bool = False


@dataclass(frozen=True)
class Plots:
    """The place of the plots, where they can be drawn."""


Block: TypeAlias = Text | Link | Table | Points | Plots


@dataclass(frozen=True)
class Section:
    """Blocks under a title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A title and its sections."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Finding:
    """A statement whose condition was tested, and what there is to do about it (None: nothing)."""

    text: str
    step: str | None = None
