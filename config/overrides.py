"""Settings given one at a time: `-o section.field=value` and the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from config import yaml_text
from config.aliases import plain_spelling
from config.errors import ConfigError, SourceError
from config.fields import find_leaf
from config.layers import WHOLE, merged, nested, split
from config.schema import Configuration

PREFIX = "HPO__"  # HPO__TRAINING__LEARNING_RATE=3e-5
FIELD_DEPTH = 2  # a path this long names a field, whose value is replaced, not merged
# Variables that W&B's own users have set already.
WANDB_VARIABLES = {"WANDB_PROJECT": "wandb.project", "WANDB_ENTITY": "wandb.entity"}


@dataclass(frozen=True)
class Setting:
    """One field's value as somebody wrote it.

    field: dotted, in the schema's or the guide's spelling.
    written: how messages name it, without the value, which may be long.
    """

    field: str
    text: str
    written: str

    def concerns(self, problem: str) -> bool:
        """Whether a problem is one of this field, of what is in it, or of what it is a part of.

        The field's entry in the search space has its name too, and is another matter.
        """
        if re.search(rf"(?<![\w.]){re.escape(self.field)}(?!\w)", problem):
            return True
        if unknown := re.match(r"unknown key ([^;]+);", problem):
            return self.field.startswith(f"{unknown[1]}.")
        path, _, text = problem.partition(":")
        section, _, name = self.field.rpartition(".")
        if path == section and re.search(rf"\b{re.escape(name)}\b", text):
            return True  # fields of a section that do not go together
        return "." in path and self.field.startswith(f"{path}.")

    def blamed(self, problem: str) -> str:
        """Give the problem's line with where it was written in front, the field named once."""
        rest = problem.removeprefix(self.field)
        if rest != problem and rest[:1] in ":.[" and self.written.endswith(self.field):
            return f"{self.written}{rest}"
        return f"{self.written}: {problem}"


def settings_from(overrides: Sequence[str]) -> Iterator[Setting]:
    """Split each `section.field=value`; raises SourceError where there is no `=`."""
    for override in overrides:
        field, equals, text = override.partition("=")
        if not equals or not all(part.strip() for part in field.split(".")):
            raise SourceError(
                f"-o {override}: is not a setting; write section.field=value, "
                "such as training.learning_rate=3e-5"
            )
        yield Setting(field.strip(), text, f"-o {field.strip()}")


def settings_from_environment(environ: Mapping[str, str]) -> Iterator[Setting]:
    """Give the settings in the environment; HPO__… wins over W&B's variables."""
    for variable, field in WANDB_VARIABLES.items():
        if environ.get(variable):
            yield Setting(field, environ[variable], variable)
    for variable in sorted(environ):
        if variable.startswith(PREFIX):
            field = ".".join(variable.removeprefix(PREFIX).lower().split("__"))
            if not all(field.split(".")):
                raise SourceError(
                    f"{variable} in the environment names no field; "
                    "write it as HPO__SECTION__FIELD or unset it"
                )
            yield Setting(field, environ[variable], variable)


def with_setting(layer: Mapping[str, object], setting: Setting) -> dict[str, object]:
    """Give the layer with one setting laid over it."""
    path = split(setting.field)
    try:
        over = plain_spelling(nested(path, _value(setting)))
    except ConfigError as error:
        raise SourceError(setting.blamed(str(error))) from error
    whole = WHOLE if len(path) < FIELD_DEPTH else frozenset({path})
    return merged(layer, over, whole=whole)


def _value(setting: Setting) -> object:
    """Read the value as YAML, but take text for a text field as it stands."""
    try:
        is_text = find_leaf(Configuration, setting.field).kinds == {str}
    except ConfigError:
        is_text = False
    try:
        value = yaml_text.read(setting.text)
    except SourceError:
        if is_text:
            return setting.text
        raise
    return setting.text.strip() if is_text and value is not None else value
