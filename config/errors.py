"""What a caller of `config` can handle: one base, one line for each message."""

from __future__ import annotations


class ConfigError(Exception):
    """A configuration cannot be used as written; the message names field, value and remedy.

    problems: every problem found, one line each; str() shows the first and counts the others.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(" ".join(problem.splitlines()) for problem in problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        if not self.problems:
            return "the configuration is not valid"
        first, *others = self.problems
        count = (
            f" (and {len(others)} more problem{'s' if len(others) > 1 else ''})" if others else ""
        )
        return first + count


class SourceError(ConfigError):
    """A configuration file, preset or override cannot be found or read."""


class SpaceError(ConfigError):
    """The search space does not fit the fields that it varies."""
