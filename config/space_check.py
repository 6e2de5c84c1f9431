"""Check a search space against the fields it varies, before a study is made from it.

Every end of a range and every choice has to be valid in the schema, alone and with the others:
a draw must never be what fails a trial.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.counting import counted
from config.entries import CategoricalEntry, Entry, FloatEntry, SearchSpace
from config.errors import ConfigError, SpaceError
from config.fields import Leaf, find_leaf
from config.pruners import Hyperband, MedianHyperband, Patient
from config.schema import Configuration
from config.space_apply import apply
from config.space_corners import corner_draws, corners
from config.space_order import ordered
from config.space_size import combinations, max_evaluations

SPACE = "optuna.search_space"
SECTIONS = ("model", "preprocessing", "augmentation", "training", "generation")
# A search over seeds would find the luckiest one; repeats that were asked for need theirs.
SEED = "general.seed"
# Fields of those sections that must be the same in all trials, with the reason.
FIXED = {
    "augmentation.rewriting_batch_size": "it does not change the score",
    "training.evaluations_per_epoch": "pruners compare trials at the same evaluation",
    "training.save_total_limit": "it does not change the score",
    "training.per_device_eval_batch_size": "it does not change the score",
}


def check(config: Configuration) -> None:
    """Raise SpaceError with every entry that does not fit; None if the space can be searched."""
    space = config.optuna.search_space
    problems = [line for field, entry in space.items() for line in _entry(field, entry, config)]
    if problems:
        raise SpaceError(*problems)
    ordered(space)
    problems = list(dict.fromkeys((*_draws(config), *_resources(config), *_grid(config))))
    if problems:
        raise SpaceError(*problems)


def _entry(field: str, entry: Entry, config: Configuration) -> Iterator[str]:
    where = f"{SPACE}.{field}"
    try:
        leaf = _varied(field, queued=config.optuna.sampler.name == "queued")
    except ConfigError as error:
        yield f"{where}: {error}"
        return
    if reason := _misfit(entry, leaf):
        yield f"{where}: {reason}"
        return
    for value in corners(entry):
        if reason := _refused(leaf, value):
            yield f"{where}: {reason}"
    for other, wanted in entry.when.items():
        for reason in _condition(other, wanted, config.optuna.search_space):
            yield f"{where}.when: {reason}"


def _varied(field: str, *, queued: bool) -> Leaf:
    section = field.split(".", maxsplit=1)[0]
    leaf = find_leaf(Configuration, field)
    if field == SEED and queued:
        return leaf
    if section not in SECTIONS:
        raise ConfigError(
            f"{field} cannot vary between trials; only fields of {', '.join(SECTIONS)} can"
        )
    if field in FIXED:
        raise ConfigError(f"{field} cannot vary between trials: {FIXED[field]}; remove it")
    return leaf


def _misfit(entry: Entry, leaf: Leaf) -> str | None:
    """Say why this type of entry cannot vary the field; None if it can."""
    if isinstance(entry, CategoricalEntry):
        return None
    if not leaf.kinds & {int, float}:
        return f"{leaf.path} is no number; give its values as choices: [a, b]"
    if isinstance(entry, FloatEntry) and float not in leaf.kinds:
        return f"{leaf.path} is a whole number; write type: int with whole low, high and step"
    return None


def _refused(leaf: Leaf, value: object) -> str | None:
    """Say why the field cannot hold the value; None if it can."""
    try:
        apply(Configuration(), {leaf.path: value})
    except ConfigError as error:
        prefix = f"{leaf.path}: "
        own = [line for line in error.problems if line.startswith(prefix)]
        return own[0].removeprefix(prefix) if own else None
    return None


def _condition(field: str, wanted: tuple[object, ...], space: SearchSpace) -> Iterator[str]:
    entry = space.get(field)
    if entry is None:
        try:
            leaf = find_leaf(Configuration, field)
        except ConfigError as error:
            yield f"{error}"
            return
        for value in wanted:
            if reason := _refused(leaf, value):
                yield f"{field}: {reason}"
        return
    for value in wanted:
        if not entry.contains(value):
            yield f"{field} never is {value!r}; it varies over {_described(entry)}"


def _described(entry: Entry) -> str:
    if isinstance(entry, CategoricalEntry):
        return ", ".join(repr(choice) for choice in entry.choices)
    step = f" in steps of {entry.step}" if entry.step is not None else ""
    return f"{entry.low!r} to {entry.high!r}{step}"


def _draws(config: Configuration) -> Iterator[str]:
    """Try combinations of ends and choices: each may be valid alone and wrong together."""
    for draw in corner_draws(config.optuna.search_space):
        try:
            apply(config, draw)
        except ConfigError as error:
            drawn = ", ".join(f"{field} {value!r}" for field, value in draw.items())
            yield f"{SPACE}: {error.problems[0]} (drawn together: {drawn})"
            return


def _resources(config: Configuration) -> Iterator[str]:
    """Hyperband has no bracket for trials that end before its first decision."""
    if not config.optuna.search_space:
        return
    pruner = config.optuna.pruner
    inner = pruner.wrapped_pruner if isinstance(pruner, Patient) else pruner
    if not isinstance(inner, Hyperband | MedianHyperband):
        return
    least, most = inner.min_resource, max_evaluations(config)
    if least > most:
        yield (
            f"optuna.pruner.min_resource: {least} is more than the {counted(most, 'evaluation')}"
            f" that a trial can reach; write at most {most}"
        )


def _grid(config: Configuration) -> Iterator[str]:
    space: Mapping[str, Entry] = config.optuna.search_space
    if config.optuna.sampler.name == "grid" and combinations(space) is None:
        endless = [field for field, entry in space.items() if entry.size is None]
        yield (
            "optuna.sampler: grid needs a finite space; "
            f"give {', '.join(endless)} a step or choices"
        )
