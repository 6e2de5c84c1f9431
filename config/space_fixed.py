"""Conditions on fields that do not vary: they hold in every trial or in none.

One that holds is taken off its entry, so that a draw needs the drawn values only; one that does
not hold stays, and keeps its entry out of every draw.
"""

from __future__ import annotations

from config.entries import Entry
from config.schema import Configuration

ABSENT = object()


def settled(config: Configuration) -> Configuration:
    """Give the configuration without the conditions that its fixed fields meet."""
    space = config.optuna.search_space
    named = {field for entry in space.values() for field in entry.when}
    fixed = {field: _value(config, field) for field in sorted(named - space.keys())}
    if not fixed:
        return config
    entries = {field: _without_met(entry, fixed) for field, entry in space.items()}
    optuna = config.optuna.model_copy(update={"search_space": entries})
    return config.model_copy(update={"optuna": optuna})


def _value(config: Configuration, field: str) -> object:
    """Give the value of a dotted field; ABSENT where there is no such field."""
    here: object = config
    for part in field.split("."):
        here = here.get(part, ABSENT) if isinstance(here, dict) else getattr(here, part, ABSENT)
    return here


def _without_met(entry: Entry, fixed: dict[str, object]) -> Entry:
    left = {
        field: wanted
        for field, wanted in entry.when.items()
        if field not in fixed or all(one != fixed[field] for one in wanted)
    }
    return entry.model_copy(update={"when": left})
