"""One line of a check: what was looked at, how it stands, and what mends it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True)
class Finding:
    """What one check found. `mend` says what to do about it; empty where nothing is to be done."""

    name: str
    level: Level
    text: str
    mend: str = ""

    def as_json(self) -> dict[str, str]:
        """The stable JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Check:
    """A check by its name; `look` gives what it found, or raises what makes it a failure."""

    name: str
    look: Callable[[], Finding]


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """The stable JSON form of all of them; `ok` is whether none is a failure."""
    return {"ok": passed(findings), "findings": [each.as_json() for each in findings]}


def passed(findings: Sequence[Finding]) -> bool:
    """Whether none of them is a failure."""
    return all(each.level != "failure" for each in findings)
