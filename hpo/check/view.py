"""Findings as a person reads them, a line each."""

from collections.abc import Sequence

from rich.text import Text

from config.counting import counted
from hpo.check.finding import Finding, Level

STYLES: dict[Level, str] = {"ok": "green", "warning": "yellow", "failure": "bold red"}
LEVEL_WIDTH = max(map(len, STYLES))
NAME_WIDTH = 13


def line(found: Finding) -> Text:
    """The level, the name, what was found and what mends it."""
    text = Text(f"{found.level:<{LEVEL_WIDTH}}", style=STYLES[found.level])
    text.append(f"  {found.name:<{NAME_WIDTH}}  {found.text}", style="default")
    if found.mend:
        text.append(f" -> {found.mend}", style="bold default")
    return text


def summary(findings: Sequence[Finding]) -> str:
    """How many of each level there are, in one line."""
    levels = [found.level for found in findings]
    parts = [f"{levels.count('ok')} ok"]
    for level in ("warning", "failure"):
        number = levels.count(level)
        parts += [counted(number, level)] if number else []
    return ", ".join(parts)
