"""In which order entries are drawn, and which of them a draw leaves out."""

from __future__ import annotations

from collections.abc import Mapping

from config.entries import Entry, SearchSpace
from config.errors import SpaceError


def ordered(space: SearchSpace) -> list[tuple[str, Entry]]:
    """List the entries so that each comes after those its condition names; else as written.

    Raises SpaceError where conditions go round in a circle.
    """
    done: dict[str, Entry] = {}
    left = dict(space)
    while left:
        ready = [
            field
            for field, entry in left.items()
            if all(other in done or other not in space for other in entry.when)
        ]
        if not ready:
            circle = ", ".join(left)
            raise SpaceError(
                f"optuna.search_space: the conditions of {circle} go round in a circle; "
                "remove one `when`"
            )
        done[ready[0]] = left.pop(ready[0])
    return list(done.items())


def is_active(entry: Entry, values: Mapping[str, object]) -> bool:
    """Tell whether the entry varies, given the parameters drawn before it."""
    return all(
        field in values and any(one == values[field] for one in wanted)
        for field, wanted in entry.when.items()
    )
