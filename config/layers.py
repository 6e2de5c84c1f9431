"""Lay one raw configuration over another; what belongs together is replaced as a whole."""

from __future__ import annotations

from collections.abc import Mapping

from config.errors import SourceError

Path = tuple[str, ...]
Layer = Mapping[str, object]

# Half of one sampler's options with half of another's makes neither.
WHOLE: frozenset[Path] = frozenset(
    {
        ("general", "data_path"),
        ("optuna", "search_space"),
        ("optuna", "sampler"),
        ("optuna", "pruner"),
        ("provenance",),
    }
)
SEARCH_SPACE = ("optuna", "search_space")
ENTRY_KEYS = frozenset({"type", "low", "high", "log", "step", "choices", "when"})


def merged(base: Layer, over: Layer, *, whole: frozenset[Path] = WHOLE) -> dict[str, object]:
    """Give `base` with the values of `over` in it.

    whole: paths where a mapping of `over` replaces the base's instead of going into it.
    """
    return _merged(base, over, whole, ())


def _merged(base: Layer, over: Layer, whole: frozenset[Path], path: Path) -> dict[str, object]:
    result = dict(base)
    for key, value in over.items():
        here = (*path, key)
        old = result.get(key)
        if (
            isinstance(value, Mapping)
            and isinstance(old, Mapping)
            and here not in whole
            and not _renamed(old, value, here)
        ):
            result[key] = _merged(old, value, whole, here)
        else:
            result[key] = value
    return result


def _renamed(old: Layer, new: Layer, path: Path) -> bool:
    """Tell whether another sampler or pruner is named: the old one's options go with it."""
    return path in WHOLE and "name" in new and new["name"] != old.get("name")


def nested(path: Path, value: object) -> dict[str, object]:
    """Give the layer that sets one path."""
    for key in reversed(path):
        value = {key: value}
    if not isinstance(value, dict):
        raise SourceError("a setting needs a name; write section.field=value")
    return value


def split(dotted: str) -> Path:
    """Split `section.field` at its dots, but keep the field names of the search space whole."""
    parts = tuple(dotted.split("."))
    inside = parts[len(SEARCH_SPACE) :]
    if parts[: len(SEARCH_SPACE)] != SEARCH_SPACE or not inside:
        return parts
    if len(inside) > 2 and inside[-1] in ENTRY_KEYS:  # noqa: PLR2004  # section, field, key
        return (*SEARCH_SPACE, ".".join(inside[:-1]), inside[-1])
    return (*SEARCH_SPACE, ".".join(inside))
