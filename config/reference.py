"""Writes every field as Markdown: `python -m config.reference > docs/configuration-fields.md`.

All of it is read off the schema and the presets, so that the page cannot say anything else.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, TypeAdapter

from config.architecture import Architecture
from config.entries import CategoricalEntry, FloatEntry, IntEntry
from config.fields import alternatives
from config.load import DEFAULT_PRESET, load, preset_names
from config.pruners import Pruner
from config.samplers import Sampler
from config.schema import Configuration, Stop
from config.sections import DataFiles

Schema = Mapping[str, Any]  # JSON Schema, as pydantic writes it

TAGS = ("name", "type")  # say which of several models is meant; shown before the options
MOST_ITEMS = 8  # of a list that is shown whole
SMALL = 0.01  # numbers below it are written as 3e-5

HEAD = """\
<!-- Made by `python -m config.reference > docs/configuration-fields.md`; do not edit. -->

# Every field

What each field of a configuration takes, and its default. [configuration.md](configuration.md)
says how they are set. The last table has what the presets set otherwise; a file stands on the
preset `kobart` unless it names another one.
"""


class Row(NamedTuple):
    """One field as the tables show it; `default` is empty where there is none."""

    name: str
    default: str
    values: str
    meaning: str


def reference() -> str:
    """Give the whole page."""
    parts = [HEAD]
    for name, field in Configuration.model_fields.items():
        section = next(iter(alternatives(field.annotation)))
        if isinstance(section, type) and issubclass(section, BaseModel):
            parts.append(f"## {name}\n\n{_described(section)}")
            parts.extend(_inside(name))
        else:
            parts.append(f"## {name}\n\n{_sentence(field.description or '')}\n")
    parts.append(f"## Presets\n\n{_preset_table()}")
    return "\n".join(parts)


def _inside(section: str) -> Iterator[str]:
    """Give the parts about fields that hold settings themselves."""
    if section == "general":
        yield f"### general.data_path\n\n{_described(DataFiles)}"
    elif section == "model":
        yield f"### model.architecture\n\n{_described(Architecture)}"
    elif section == "optuna":
        yield f"### optuna.sampler\n\n{_choice('sampler', _members(Sampler))}"
        yield f"### optuna.pruner\n\n{_choice('pruner', _members(Pruner))}"
        entries = (FloatEntry, IntEntry, CategoricalEntry)
        yield f"### optuna.search_space\n\n{_choice('type', entries)}"
        yield f"### optuna.stop\n\n{_described(Stop)}"


def _described(section: type[object]) -> str:
    """Say what a section is, and list its fields."""
    return f"{inspect.getdoc(section)}\n\n{_table(_rows(section))}"


def _members(union: object) -> Sequence[type[BaseModel]]:
    """Give the models of an annotated union."""
    return get_args(get_args(union)[0])


def _rows(kind: type[object]) -> list[Row]:
    schema = TypeAdapter(kind).json_schema()
    definitions = schema.get("$defs", {})
    return [
        Row(name, _default(kind, name), _values(field, definitions), field.get("description", ""))
        for name, field in schema["properties"].items()
        if name not in TAGS or "const" not in field
    ]


def _default(kind: object, name: str) -> str:
    if not isinstance(kind, type) or not issubclass(kind, BaseModel):
        return ""
    field = kind.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return _code({"name": value.name} if hasattr(value, "name") else value)


def _values(field: Schema, definitions: Schema) -> str:
    """Say in words what a field takes."""
    options = field.get("anyOf") or field.get("oneOf")
    if options:
        words = [_values(option, definitions) for option in options]
        return " or ".join(dict.fromkeys(words))
    if "$ref" in field:
        found = definitions[field["$ref"].rpartition("/")[2]]
        tags = [found["properties"][tag]["const"] for tag in TAGS if tag in found["properties"]]
        return f"`{tags[0]}`" if tags else "settings, see below"
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{word}`" for word in field["enum"])
    return _plain_values(field, definitions)


def _plain_values(field: Schema, definitions: Schema) -> str:
    kind = field.get("type")
    if kind == "array":
        return f"list of {_values(field['items'], definitions)}"
    if kind == "object":
        of_settings = "oneOf" in field.get("additionalProperties", ())
        return "settings, see below" if of_settings else "field: value or values"
    words = {
        "integer": f"whole number{_bounds(field)}",
        "number": f"number{_bounds(field)}",
        "boolean": "`true`, `false`",
        "null": "`null`",
    }
    return words.get(str(kind), "text")


def _bounds(field: Schema) -> str:
    # pydantic writes its own keys where a validator of ours stands before the number.
    least = field.get("minimum", field.get("ge"))
    above = field.get("exclusiveMinimum", field.get("gt"))
    most = field.get("maximum", field.get("le"))
    below = field.get("exclusiveMaximum", field.get("lt"))
    words = ((" from", least), (" above", above), (" to", most), (" to below", below))
    return "".join(f"{word} {value:.15g}" for word, value in words if value is not None)


def _choice(title: str, kinds: Sequence[type[BaseModel]]) -> str:
    """Say what each of several models is, and list the options of all in one table."""
    lines = [f"- `{_tag(kind)}`: {_sentence(kind.__doc__ or '')}" for kind in kinds]
    owners: dict[Row, list[str]] = {}
    for kind in kinds:
        for row in _rows(kind):
            owners.setdefault(row, []).append(f"`{_tag(kind)}`")
    rows = [(f"`{row.name}`", ", ".join(names), *row[1:]) for row, names in owners.items()]
    heads = ("option", title, "default", "values", "what it is")
    return "\n".join(lines) + "\n\n" + _markdown(heads, rows)


def _tag(kind: type[BaseModel]) -> str:
    return str(next(kind.model_fields[tag].default for tag in TAGS if tag in kind.model_fields))


def _preset_table() -> str:
    names = sorted(preset_names(), key=lambda name: name != DEFAULT_PRESET)
    presets = [_shown(load(name)) for name in names]
    plain = _shown(Configuration())
    # Sorted by section and field; the entries of a search space stay in the order of their file.
    places = {field: place for place, field in enumerate(plain)}
    fields = dict.fromkeys(field for shown in presets for field in shown)
    rows = [
        (f"`{field}`", *(shown.get(field, "") for shown in presets))
        for field in sorted(fields, key=lambda field: places[".".join(field.split(".")[:2])])
        if any(shown.get(field, "") != plain.get(field, "") for shown in presets)
    ]
    return _markdown(("field", *(f"`{name}`" for name in names)), rows)


def _shown(config: Configuration) -> dict[str, str]:
    """Give every field with its value, entries of the search space one by one."""
    shown = {}
    for section_name, section in config:
        for name, value in section or ():
            field = f"{section_name}.{name}"
            if name == "search_space":
                shown[field] = ""
                shown |= {f"{field}.{key}": _code(_without_defaults(e)) for key, e in value.items()}
            else:
                shown[field] = _code(_without_defaults(value))
    return shown


def _without_defaults(value: object) -> object:
    if not isinstance(value, BaseModel):
        return value
    tag = {"name": value.name} if hasattr(value, "name") else {}
    return tag | value.model_dump(mode="json", exclude_defaults=True)


def _table(rows: Sequence[Row]) -> str:
    heads = ("field", "default", "values", "what it is")
    shown = [(f"`{row.name}`", *row[1:]) for row in rows]
    if any(row.default for row in rows):
        return _markdown(heads, shown)
    return _markdown((heads[0], *heads[2:]), [(row[0], *row[2:]) for row in shown])


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )


def _code(value: object) -> str:
    if isinstance(value, list | tuple) and len(value) > MOST_ITEMS:
        first, *_, last = value
        return f"`[{_text(first)}, …, {_text(last)}]` ({len(value)})"
    return f"`{_text(value)}`"


def _text(value: object) -> str:
    """Give a value as people write it in YAML, on one line."""
    match value:
        case bool() | None:
            return {True: "true", False: "false", None: "null"}[value]
        case float():
            small = 0 < abs(value) < SMALL
            return f"{Decimal(repr(value)):e}" if small else str(value)
        case list() | tuple():
            return f"[{', '.join(map(_text, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{key}: {_text(one)}' for key, one in value.items())}}}"
        case _:
            return str(value)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


if __name__ == "__main__":
    sys.stdout.buffer.write(reference().encode())  # whatever the terminal speaks
