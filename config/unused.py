"""Settings given by hand that no trial will have, for the search draws their fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.overrides import settings_from, settings_from_environment
from config.schema import Configuration


def unused_settings(
    config: Configuration, overrides: Sequence[str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Give a line for each setting of a field that every trial draws from the search space.

    config: what the settings were laid over. One in a file gets no line: that it says the usual
    value beside the range is how files are written.
    """
    space = config.optuna.search_space
    settings = [*settings_from(overrides), *settings_from_environment(environ)]
    return tuple(
        f"{each.written}={each.text.strip()} is in no trial, for the search draws this field;"
        f" to have it in every trial, add -o optuna.search_space.{each.field}=null"
        for each in settings
        if each.field in space and not space[each.field].when
    )
