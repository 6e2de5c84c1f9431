"""Configuration to plain mapping and back, exactly; the mapping is fit for JSON and YAML."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from config.errors import ConfigError
from config.problems import as_config_error
from config.schema import Configuration
from config.space_fixed import settled


def to_mapping(config: Configuration) -> dict[str, object]:
    """Give the complete configuration, defaults included, as dicts, lists and scalars."""
    return config.model_dump(mode="json")


def from_mapping(mapping: Mapping[str, object]) -> Configuration:
    """Make a configuration from a mapping such as to_mapping gives; raises ConfigError."""
    try:
        return settled(Configuration.model_validate(mapping))
    except ValidationError as error:
        raise as_config_error(error, root=Configuration) from error
    except RecursionError as error:
        raise ConfigError(
            "the configuration contains itself; write it without references"
        ) from error
