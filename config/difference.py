"""Where two configurations differ, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

ABSENT = "(absent)"


def difference(
    left: Mapping[str, object], right: Mapping[str, object]
) -> list[tuple[str, object, object]]:
    """List (dotted field, value on the left, value on the right) of every field that differs.

    ABSENT stands for a field that one side does not have.
    """
    return list(_differences(left, right, ""))


def _differences(
    left: Mapping[str, object], right: Mapping[str, object], prefix: str
) -> Iterator[tuple[str, object, object]]:
    for key in dict.fromkeys((*left, *right)):
        field = f"{prefix}{key}"
        one, other = left.get(key, ABSENT), right.get(key, ABSENT)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differences(one, other, f"{field}.")
        elif not _same(one, other):
            yield field, one, other


def _same(one: object, other: object) -> bool:
    """Compare as JSON does: 1 and 1.0 are one number, true is none."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
