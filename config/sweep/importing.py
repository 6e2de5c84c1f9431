"""A W&B sweep as a configuration: the whole file, with what has no equivalent named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.aliases import plain_spelling
from config.errors import ConfigError, SourceError
from config.layers import merged
from config.load import DEFAULT_PRESET, load
from config.mapping import from_mapping, to_mapping
from config.schema import Configuration
from config.space import check, combinations, max_evaluations
from config.sweep.findings import Left, Note
from config.sweep.metric import metric_of
from config.sweep.parameters import read_parameters
from config.sweep.setup import SETUP, settings_of
from config.sweep.source import Written, read_sweep
from config.sweep.stopping import NONE, pruner_of

# `bayes` is tpe in optuna.sampler too.
SAMPLERS = {"grid": "grid", "random": "random", "bayes": "tpe"}
GAUSSIAN = "the tpe sampler, which learns from stopped trials too; W&B's model is nearer to gp"
IN_ORDER = "W&B's grid tries the first combinations in order, hpo any of them"


@dataclass(frozen=True)
class Imported:
    """A sweep in our terms.

    layer: what the sweep says, as a raw configuration over the base.
    config: the whole configuration that this makes.
    name: what the sweep is called; None where it has no name.
    """

    layer: Mapping[str, object]
    config: Configuration
    left: tuple[Left, ...]
    notes: tuple[Note, ...]
    name: str | None


def import_sweep(path: Path, *, base: str | None = None, take_nearest: bool = False) -> Imported:
    """Read a sweep file over a base, a preset or a file; None for the preset kobart.

    take_nearest: where nothing is equal, take what is nearest, and note it.
    Raises SourceError for what W&B refuses too, and ConfigError for a base that cannot be used.
    """
    below = load(DEFAULT_PRESET if base is None else base)
    sweep = read_sweep(path)
    try:
        return _imported(sweep, below, take_nearest=take_nearest)
    except ConfigError as error:
        raise SourceError(*(f"{path}: {line}" for line in error.problems)) from error


def _imported(sweep: Written, below: Configuration, *, take_nearest: bool) -> Imported:
    sweep.only((*SETUP, "method", "metric", "parameters", "early_terminate", "run_cap"))
    layer, said = settings_of(sweep)
    method = sweep.need("method").word(tuple(SAMPLERS))
    parameters = read_parameters(
        sweep.need("parameters"), grid=method == "grid", take_nearest=take_nearest
    )
    said += [*_metric(sweep, layer, method), *parameters.left, *parameters.notes]
    layer = merged(layer, parameters.fixed)
    search: dict[str, object] = {
        "sampler": {"name": SAMPLERS[method]},
        "pruner": NONE,
        "search_space": parameters.space,
    }
    unpruned = _over(below, merged(layer, {"optuna": search}))
    pruner, stopping = _pruner(sweep, max_evaluations(unpruned), take_nearest=take_nearest)
    n_trials, counted = _budget(sweep, method, unpruned)
    if method == "bayes":
        said.append(Note(sweep.need("method"), GAUSSIAN))
    said += [*stopping, *counted]
    layer = merged(layer, {"optuna": {"n_trials": n_trials, **search, "pruner": pruner}})
    config = _over(below, layer)
    check(config)
    name = sweep.get("name")
    return Imported(
        layer=layer,
        config=config,
        left=tuple(sorted((one for one in said if isinstance(one, Left)), key=_line)),
        notes=tuple(sorted((one for one in said if isinstance(one, Note)), key=_line)),
        name=None if name is None else str(name.value),
    )


def _line(finding: Left | Note) -> int:
    return 0 if finding.place is None else finding.place.line


def _over(below: Configuration, layer: Mapping[str, object]) -> Configuration:
    return from_mapping(merged(to_mapping(below), plain_spelling(layer)))


def _metric(sweep: Written, layer: dict[str, object], method: str) -> list[Left | Note]:
    """Put metric and target into the layer; W&B needs a metric where anything depends on it."""
    section = sweep.get("metric")
    if section is None:
        if method == "bayes" or sweep.get("early_terminate") is not None:
            sweep.refuse("lacks metric, which bayes and early_terminate need; write name and goal")
        return []
    name, target, said = metric_of(section)
    if name is not None:
        layer["metric"] = {"name": name}
    if target is not None:
        layer["optuna"] = {"stop": {"target": target}}
    return said


def _pruner(sweep: Written, most: int, *, take_nearest: bool) -> tuple[object, list[Left | Note]]:
    section = sweep.get("early_terminate")
    if section is None:
        return NONE, []
    pruner, said = pruner_of(section, most=most)
    for one in said:
        if take_nearest and isinstance(one, Left) and one.nearest is not None:
            return one.nearest["optuna.pruner"], [
                Note(section, f"the nearest is taken: {one.reason}")
            ]
    return pruner, said


def _budget(sweep: Written, method: str, config: Configuration) -> tuple[int, list[Left | Note]]:
    cap = sweep.get("run_cap")
    size = combinations(config.optuna.search_space)
    if cap is not None:
        most = cap.whole(least=1)
        cut = method == "grid" and size is not None and most < size
        return most, [Note(cap, IN_ORDER)] if cut else []
    if method == "grid" and size is not None:
        return size, []
    trials = config.optuna.n_trials
    text = f"no run_cap, so W&B goes on until it is stopped; optuna.n_trials is {trials}"
    return trials, [Note(None, text)]
