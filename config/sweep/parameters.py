"""The sweep's parameters: settings, entries of the search space, and what is neither."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from config import yaml_text
from config.errors import ConfigError
from config.layers import merged, nested
from config.mapping import from_mapping
from config.space import check
from config.sweep.distributions import form_of
from config.sweep.findings import Left, Note
from config.sweep.forms import Constant, Entry, Form, Same, Unlike
from config.sweep.names import Named, find
from config.sweep.source import Written

SPACE = "optuna.search_space"
BETWEEN = "the field takes whole numbers alone, and the sweep draws any number"


@dataclass
class Parameters:
    """What has been read so far.

    fixed: the settings, as a raw configuration.
    space: dotted field -> entry.
    """

    fixed: dict[str, object] = field(default_factory=dict)
    space: dict[str, Entry] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def read_parameters(section: Written, *, grid: bool, take_nearest: bool) -> Parameters:
    """Read every parameter, nested ones by their dotted names.

    take_nearest: put the nearest entry where there is no equal one, with a note.
    Raises SourceError where W&B refuses a parameter too.
    """
    read = Parameters()
    lines: dict[str, int] = {}
    if not section.mapping():
        section.refuse("is empty; write at least one parameter")
    for name, parameter in _flat(section, ""):
        form = form_of(parameter, grid=grid)
        try:
            named = find(name)
        except ConfigError as error:
            read.left.append(Left(parameter, str(error)))
            continue
        path = named.leaf.path
        if path in lines:
            parameter.refuse(f"sets {path}, as line {lines[path]} does; keep one of them")
        lines[path] = parameter.line
        before = len(read.left)
        _take(read, parameter, named, form, take_nearest=take_nearest)
        if named.renamed and len(read.left) == before:
            read.notes.append(Note(parameter, f"taken as {path}"))
    return read


def _flat(section: Written, prefix: str) -> Iterator[tuple[str, Written]]:
    for key, child in section.children():
        if "parameters" in child.mapping():
            child.only(("parameters",))
            yield from _flat(child.need("parameters"), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", child


def _take(
    read: Parameters, parameter: Written, named: Named, form: Form, *, take_nearest: bool
) -> None:
    path = named.leaf.path
    if isinstance(form, Constant):
        setting = nested(tuple(path.split(".")), named.value(form.value))
        reason = _refused(setting, path)
        if reason is None:
            read.fixed = merged(read.fixed, setting)
        else:
            read.left.append(Left(parameter, reason))
        return
    form = _fitted(form, named, parameter)
    if isinstance(form, Same):
        read.space[path] = _plain(form.entry, named)
        if form.note is not None:
            read.notes.append(Note(parameter, form.note))
        return
    entry = form.entry
    nearest = None if entry is None or _misfit(entry, path) else _plain(entry, named)
    if nearest is not None and take_nearest:
        read.space[path] = nearest
        read.notes.append(Note(parameter, f"the nearest is taken: {form.reason}"))
        return
    near = None if nearest is None else {path: nearest}
    read.left.append(Left(parameter, form.reason, near))


def _fitted(form: Same | Unlike, named: Named, parameter: Written) -> Same | Unlike:
    """Give the form as the field can have it: whole numbers in a field of them, valid ends."""
    if form.entry is None:
        return form
    entry = _with_values(form.entry, named)
    if entry["type"] == "float" and named.leaf.kinds == {int}:
        return Unlike(form.reason if isinstance(form, Unlike) else BETWEEN, _whole(entry))
    if isinstance(form, Unlike):
        return Unlike(form.reason, entry)
    refused = _misfit(entry, named.leaf.path)
    if refused is not None:
        return Unlike(refused + _exponents(parameter))
    return Same(entry, form.note)


def _with_values(entry: Entry, named: Named) -> Entry:
    choices = entry.get("choices")
    if not isinstance(choices, list):
        return entry
    return {**entry, "choices": [named.value(one) for one in choices]}


def _whole(entry: Entry) -> Entry | None:
    """Give the whole numbers within a range of any numbers; None where there is none."""
    low, high = math.ceil(float(str(entry["low"]))), math.floor(float(str(entry["high"])))
    if low > high:
        return None
    whole: dict[str, object] = {"type": "int", "low": low, "high": high}
    return {**whole, "log": True} if entry.get("log") and low > 0 else whole


def _exponents(parameter: Written) -> str:
    distribution = parameter.get("distribution")
    if distribution is None or not str(distribution.value).endswith("log_uniform"):
        return ""
    return (
        f" ({distribution.value}'s min and max are exponents of e, "
        f"those of {distribution.value}_values are values)"
    )


def _misfit(entry: Entry, path: str) -> str | None:
    """Say why the field cannot vary so; None if it can."""
    return _refused({"optuna": {"pruner": "none", "search_space": {path: entry}}}, path)


def _refused(layer: Mapping[str, object], path: str) -> str | None:
    try:
        check(from_mapping(layer))
    except ConfigError as error:
        problem = error.problems[0]
        for prefix in (f"{SPACE}.{path}: ", f"{SPACE}.{path}.", f"{path}: "):
            problem = problem.removeprefix(prefix)
        return problem
    return None


def _plain(entry: Entry, named: Named) -> Entry:
    """Give the entry without the type that its field tells."""
    told = "int" if named.leaf.kinds == {int} else "float"
    if entry["type"] in ("categorical", told):
        return {key: value for key, value in entry.items() if key != "type"}
    return dict(entry)


def nearest_line(left: Left) -> str | None:
    """Write what could stand in the configuration instead; None where nothing is near."""
    if left.nearest is None:
        return None
    ((name, value),) = left.nearest.items()
    written = yaml_text.write_line(value) if isinstance(value, Mapping) else str(value)
    return f"{name}: {written}"
