"""Put drawn parameters into a configuration."""

from __future__ import annotations

from collections.abc import Mapping

from config.errors import SpaceError
from config.mapping import from_mapping, to_mapping
from config.schema import Configuration


def apply(config: Configuration, params: Mapping[str, object]) -> Configuration:
    """Give the configuration with the drawn parameters in their fields, checked again.

    params: dotted field -> value.
    """
    mapping = to_mapping(config)
    for field, value in params.items():
        *sections, name = field.split(".")
        here = mapping
        for section in sections:
            inner = here.get(section)
            if not isinstance(inner, dict):
                raise SpaceError(f"unknown field {field}; name it as section.field")
            here = inner
        here[name] = value
    return from_mapping(mapping)
