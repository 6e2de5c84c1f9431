"""`--models A B C`: an option that takes all words up to the next option."""

from collections.abc import Sequence
from typing import Any

import click


class SeveralValues(click.Command):
    """A command whose options named in `several` may be followed by more than one value.

    Click itself wants the option before each: `--models A B` reaches it as
    `--models A --models B`, so such an option is declared with multiple=True.
    """

    def __init__(self, *args: Any, several: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.several = several

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words with the option repeated before each of its values."""
        return super().parse_args(ctx, _repeated(args, self.several))


def _repeated(words: Sequence[str], options: Sequence[str]) -> list[str]:
    repeated: list[str] = []
    current, values = None, 0
    for place, word in enumerate(words):
        if word == "--":
            return [*repeated, *words[place:]]
        if word.startswith("-"):
            name = word.split("=", 1)[0]
            current = name if name in options else None
            values = int("=" in word)
        elif current is not None:
            if values:
                repeated.append(current)
            values += 1
        repeated.append(word)
    return repeated
