"""What an import has to say: what was read in another way than written, and what is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.sweep.source import Written


@dataclass(frozen=True)
class Note:
    """Something that the sweep says and hpo does in its own way; `place` None: what it lacks."""

    place: Written | None
    text: str

    def __str__(self) -> str:
        return self.text if self.place is None else f"{self.place.where}: {self.text}"


@dataclass(frozen=True)
class Left:
    """A part of the sweep without an equivalent.

    nearest: what could stand in the configuration instead, as a mapping of its fields; None where
    nothing is near.
    """

    place: Written
    reason: str
    nearest: Mapping[str, object] | None = None

    def __str__(self) -> str:
        return f"{self.place.where}: {self.reason}"
