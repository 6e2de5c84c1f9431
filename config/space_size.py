"""How large a search space is: parameter sets, and evaluations of one trial."""

from __future__ import annotations

from collections.abc import Mapping

from config.entries import CategoricalEntry, Entry, SearchSpace
from config.schema import Configuration
from config.space_order import is_active, ordered

EPOCHS = "training.num_train_epochs"


def max_evaluations(config: Configuration) -> int:
    """Give the most evaluations a trial can reach, over the whole search space."""
    return _most_epochs(config) * config.training.evaluations_per_epoch


def _most_epochs(config: Configuration) -> int:
    fixed = config.training.num_train_epochs
    entry = config.optuna.search_space.get(EPOCHS)
    if entry is None:
        return fixed
    if isinstance(entry, CategoricalEntry):
        most = max(choice for choice in entry.choices if isinstance(choice, int))
    else:
        most = int(entry.high)
    return max(most, fixed) if entry.when else most


def combinations(space: SearchSpace) -> int | None:
    """Count the different parameter sets, conditions honoured; None when they cannot be counted."""
    entries = ordered(space)
    named = {field: _named_values(field, space) for field in space}
    return _count(entries, named, {})


def _named_values(field: str, space: SearchSpace) -> list[object]:
    """List the values of a field that conditions ask for and that it can take."""
    wanted = [one for entry in space.values() for one in entry.when.get(field, ())]
    return [one for one in dict.fromkeys(wanted) if space[field].contains(one)]


def _count(
    entries: list[tuple[str, Entry]],
    named: Mapping[str, list[object]],
    values: Mapping[str, object],
) -> int | None:
    """Count the draws of the entries that are left, after `values` were drawn."""
    if not entries:
        return 1
    (field, entry), *rest = entries
    if not is_active(entry, values):
        return _count(rest, named, values)
    if entry.size is None:
        return None
    # Values that no condition asks for lead to the same count: one of them stands for all.
    counts = [_count(rest, named, {**values, field: value}) for value in named[field]]
    others = entry.size - len(named[field])
    if others:
        rest_count = _count(rest, named, values)
        counts.append(None if rest_count is None else others * rest_count)
    return None if None in counts else sum(count for count in counts if count is not None)
