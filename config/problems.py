"""Turn pydantic's errors into lines that name the field, the value and the remedy."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.errors import ConfigError
from config.fields import NOT_HERE, alternatives, elsewhere, items, members, nearest

MOST_BITS = 10_000
SHOWN = 60  # characters of a value in a message

WANTED = {
    "number": "a number such as 3e-5",
    "float": "a number such as 3e-5",
    "finite": "a finite number",
    "int": "a whole number such as 16",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list such as [a, b]",
    "list": "a list such as [a, b]",
    "model": "a mapping of settings",
    "mapping": "a mapping of settings",
    "dict": "a mapping of settings",
}
BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
}
EMPTY = "is empty; write a name"


def as_config_error(error: ValidationError, *, root: type[BaseModel]) -> ConfigError:
    """Give the same problems as a ConfigError, one line each."""
    # An unknown key is why another one is missing, so it is said before that.
    found = sorted(
        error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden"
    )
    lines = (_line(problem, root) for problem in found)
    return ConfigError(*dict.fromkeys(lines))


def shown(value: object) -> str:
    """Give a value as a message shows it: short, on one line."""
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"a number of {value.bit_length()} bits"  # Python refuses to write it out
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _line(problem: ErrorDetails, root: type[BaseModel]) -> str:
    kind, location = problem["type"], problem["loc"]
    if kind == "extra_forbidden":
        section, valid = _walk(location[:-1], root)
        key = str(location[-1])
        path = f"{section}.{key}" if section else key
        home = None if key in NOT_HERE else elsewhere(key, root)
        hint = f"it belongs in {home}" if home else nearest(key, valid)
        return f"unknown key {path}; {hint}"
    path, _ = _walk(location, root)
    text = _text(problem)
    return f"{path}: {text}" if path else text


def _text(problem: ErrorDetails) -> str:
    """Say what is wrong with the value and what to write instead."""
    kind, value = problem["type"], shown(problem["input"])
    context: dict[str, Any] = problem.get("ctx", {})
    match kind:
        case "value_error":
            text = str(context["error"])
        case "direction":
            text = problem["msg"]
        case "missing":
            text = "is missing; write it"
        case "too_short" | "string_too_short":
            text = "is empty; write at least one" if kind == "too_short" else EMPTY
        case "literal_error":
            text = _choose(problem["input"], context["expected"])
        case "union_tag_invalid":
            text = _choose(context["tag"], context["expected_tags"])
        case "union_tag_not_found":
            text = f"{value} lacks {context['discriminator']}; {_missing_tag(problem)}"
        case _ if kind in BOUNDS:
            text = f"{value} is out of range; it must be {BOUNDS[kind].format(**context)}"
        case _ if wanted := WANTED.get(kind.split("_", maxsplit=1)[0]):
            text = f"{value} is not {wanted}"
        case _:
            text = f"{value}: {problem['msg'].lower()}"
    return text


def _choose(given: object, expected: str) -> str:
    """Name the valid words; pydantic lists them as 'a', 'b' or 'c'."""
    words = [word.strip("' ") for word in expected.replace(" or ", ", ").split(",")]
    hint = nearest(str(given), words)
    listed = f"; {hint}" if hint.startswith("did") else ""
    return f"{shown(given)} is not one of {', '.join(words)}{listed}"


def _missing_tag(problem: ErrorDetails) -> str:
    if "search_space" in problem["loc"]:
        return "write low and high, or choices"
    example = "tpe" if "sampler" in problem["loc"] else "median"
    return f"write its name, such as {{name: {example}}}"


def _walk(location: tuple[int | str, ...], root: type[BaseModel]) -> tuple[str, list[str]]:
    """Follow a location: the dotted path without pydantic's union tags, and the keys there."""
    here: list[Any] = [root]
    path = ""
    for part in location:
        fields = [found for one in here if (found := members(one)) and part in found]
        if fields:
            path = f"{path}.{part}" if path else str(part)
            here = [kind for found in fields for kind in alternatives(found[str(part)])]
            continue
        inside = [kind for one in here for kind in items(one)]
        if inside:
            path = f"{path}[{part}]" if isinstance(part, int) else f"{path}.{part}"
            here = inside
            continue
        here = [one for one in here if _has_tag(one, str(part))] or here
    return path, [key for one in here for key in members(one) or {}]


def _has_tag(kind: Any, tag: str) -> bool:
    """Tell whether pydantic names this member of a union so."""
    for key in ("name", "type"):
        literal = (members(kind) or {}).get(key)
        if get_origin(literal) is Literal and tag in get_args(literal):
            return True
    return False
