"""Complete the entries of a search space from the fields that they vary.

`type` may be left out, and numbers in `choices` and `when` are given as the field holds them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from config.errors import ConfigError
from config.fields import Leaf, find_leaf


def with_types(
    configuration: Mapping[str, object], *, root: type[BaseModel]
) -> Mapping[str, object]:
    """Give the raw configuration with its search space completed."""
    optuna = configuration.get("optuna")
    if not isinstance(optuna, Mapping) or not isinstance(optuna.get("search_space"), Mapping):
        return configuration
    space = {
        field: _completed(field, entry, root)
        for field, entry in optuna["search_space"].items()
        if entry is not None  # `-o optuna.search_space.FIELD=null` takes an entry out
    }
    return {**configuration, "optuna": {**optuna, "search_space": space}}


def _completed(field: object, entry: object, root: type[BaseModel]) -> object:
    if not isinstance(entry, Mapping):
        return entry
    leaf = _leaf(field, root)
    completed = dict(entry)
    kind = completed.pop("type", None) or _type(entry, leaf)
    if kind is not None:
        completed["type"] = kind
    if isinstance(entry.get("choices"), list | tuple):
        completed["choices"] = [_value(choice, leaf) for choice in entry["choices"]]
    if isinstance(entry.get("when"), Mapping):
        completed["when"] = {
            other: _values(wanted, _leaf(other, root)) for other, wanted in entry["when"].items()
        }
    return completed


def _leaf(field: object, root: type[BaseModel]) -> Leaf | None:
    """Find the field; None where there is none, which space.check reports."""
    try:
        return find_leaf(root, str(field))
    except ConfigError:
        return None


def _type(entry: Mapping[str, object], leaf: Leaf | None) -> str | None:
    if "choices" in entry:
        return "categorical"
    if "low" not in entry and "high" not in entry:
        return None
    return "int" if leaf is not None and leaf.kinds == {int} else "float"


def _values(wanted: object, leaf: Leaf | None) -> object:
    if isinstance(wanted, list | tuple):
        return [_value(one, leaf) for one in wanted]
    return _value(wanted, leaf)


def _value(value: object, leaf: Leaf | None) -> object:
    return value if leaf is None else leaf.coerced(value)
