"""Parameters of a trial, asked of Optuna under their dotted field names, conditions honoured.

A continued trial gives back what it has stored and a queued one what it was queued with, so the
same call serves a new trial, a taken-over one and an enqueued one.
"""

import difflib
import warnings
from collections.abc import Mapping

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from config.space import CategoricalEntry, Entry, FloatEntry, SearchSpace, is_active, ordered
from hpo.errors import BadEnqueued


def suggest(trial: Trial, space: SearchSpace) -> dict[str, object]:
    """Draw every active parameter, conditions after what they depend on.

    Raises BadEnqueued for a queued value the space does not hold and SpaceExhausted when a
    finite space has nothing left to try.
    """
    # As it was read a moment ago: asking the storage again is four round trips.
    queued = fixed_params(trial._cached_frozen_trial.system_attrs)  # noqa: SLF001 - no other way
    _check_names(queued, space, trial.number)
    values: dict[str, object] = {}
    for name, entry in ordered(space):
        if not is_active(entry, values):
            continue
        if name in queued:
            _check_value(name, queued[name], entry, trial.number)
        values[name] = _suggest_one(trial, name, distribution(entry))
    return values


def fixed_params(system_attrs: Mapping[str, object]) -> dict[str, object]:
    """What a trial was enqueued with; empty for any other trial."""
    fixed = system_attrs.get("fixed_params", {})
    return dict(fixed) if isinstance(fixed, Mapping) else {}


def distribution(entry: Entry) -> BaseDistribution:
    """The Optuna distribution of one entry of the search space."""
    if isinstance(entry, CategoricalEntry):
        return CategoricalDistribution(entry.choices)
    with warnings.catch_warnings():
        # A high end off the step is lowered to the last value on it; Optuna warns every time.
        warnings.simplefilter("ignore")
        if isinstance(entry, FloatEntry):
            return FloatDistribution(entry.low, entry.high, log=entry.log, step=entry.step)
        return IntDistribution(entry.low, entry.high, log=entry.log, step=entry.step or 1)


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Every entry's distribution, conditional ones included, in drawing order."""
    return {name: distribution(entry) for name, entry in ordered(space)}


def holds(dist: BaseDistribution, value: object) -> bool:
    """Whether the distribution can give this value (type, range and step)."""
    try:
        internal = dist.to_internal_repr(value)
    except (TypeError, ValueError):
        return False
    return dist._contains(internal)  # noqa: SLF001 - Optuna has no public form of it


def check_queued(queued: Mapping[str, object], space: SearchSpace, number: int) -> None:
    """Refuse parameters that the trial of that number has and the space does not hold."""
    _check_names(queued, space, number)
    for name, value in queued.items():
        _check_value(name, value, space[name], number)


def _suggest_one(trial: Trial, name: str, dist: BaseDistribution) -> object:
    if isinstance(dist, CategoricalDistribution):
        return trial.suggest_categorical(name, dist.choices)
    if isinstance(dist, FloatDistribution):
        return trial.suggest_float(name, dist.low, dist.high, step=dist.step, log=dist.log)
    if isinstance(dist, IntDistribution):
        return trial.suggest_int(name, dist.low, dist.high, step=dist.step, log=dist.log)
    raise TypeError(f"{name}: no suggestion for {dist!r}")


def _check_names(queued: Mapping[str, object], space: SearchSpace, number: int) -> None:
    for name in queued:
        if name not in space:
            near = difflib.get_close_matches(name, space, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadEnqueued(
                f"trial {number}: the queued parameter {name} is not in the search space{hint}"
            )


def _check_value(name: str, value: object, entry: Entry, number: int) -> None:
    if holds(distribution(entry), value):
        return
    raise BadEnqueued(
        f"trial {number}: the queued {name} = {value!r} is outside {_describe(entry)};"
        " queue a value inside it"
    )


def _describe(entry: Entry) -> str:
    if isinstance(entry, CategoricalEntry):
        return f"the choices {', '.join(map(repr, entry.choices))}"
    step = f" in steps of {entry.step}" if entry.step else ""
    return f"the range {entry.low} to {entry.high}{step}"
