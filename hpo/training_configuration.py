"""The configuration of one training without a study, as the command line gives it."""

import os
from collections.abc import Sequence

from config.load import load
from config.schema import Configuration


def load_for_training(
    source: str, *, overrides: Sequence[str], data: str | None, seed: int | None
) -> Configuration:
    """The configuration to train: `data` and `seed` replace those in it unless they are None."""
    given = list(overrides)
    if seed is not None:
        given.append(f"general.seed={seed}")
    config = load(source, overrides=given, environ=os.environ)
    if data is None:
        return config
    # Not by an override, which is YAML: a folder may be called [data].
    general = config.general.model_copy(update={"data_path": data})
    return config.model_copy(update={"general": general})
