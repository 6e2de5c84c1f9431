"""A sweep's parameter as an entry of the search space, where there is the same distribution.

Definitions are those of W&B's "Sweep configuration options", and of its package `sweeps` where
that page is silent: ranges of `log_uniform` are exponents of e, `q_` rounds to multiples of q.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from config.problems import shown
from config.sweep.forms import Constant, Form, Same, Unlike, continuous, log_range
from config.sweep.quantised import grid_steps, quantised, steps_within
from config.sweep.source import Written
from config.sweep.values import categorical

RANGE = ("min", "max")
BELL = ("mu", "sigma")
BETA = ("a", "b")
GRID = ("constant", "categorical", "int_uniform", "q_uniform")
FINEST = 1e-12
SPREAD = 2.0  # standard deviations on either side: 95% of a normal distribution


def form_of(parameter: Written, *, grid: bool) -> Form:
    """Give what the parameter is in our terms; raises SourceError where W&B refuses it too.

    grid: the sweep's method is grid, which takes finite parameters alone.
    """
    name = _name(parameter)
    distribution = DISTRIBUTIONS[name]
    parameter.only(("distribution", *distribution.keys))
    if grid and name not in GRID:
        parameter.refuse(f"method grid cannot go through {name}; give values, or another method")
    if grid and name == "q_uniform":
        low, high = _ends(parameter)
        return grid_steps(low, high, _step(parameter))
    if name == "categorical":
        return categorical(parameter, grid=grid)
    return distribution.form(parameter)


def _name(parameter: Written) -> str:
    """Give the distribution that is named, or the one that W&B infers from the keys."""
    named = parameter.get("distribution")
    if named is not None:
        word = named.word((*DISTRIBUTIONS, WEIGHTED))
        return "categorical" if word == WEIGHTED else word
    keys = parameter.mapping()
    if "values" in keys:
        return "categorical"
    if "value" in keys:
        return "constant"
    if "min" not in keys or "max" not in keys:
        parameter.refuse("says no value; write value, values, min and max, or a distribution")
    whole = all(isinstance(parameter.need(end).number(), int) for end in RANGE)
    return "int_uniform" if whole else "uniform"


def _ends(parameter: Written) -> tuple[int | float, int | float]:
    low, high = (parameter.need(end).number() for end in RANGE)
    if low >= high:
        parameter.refuse(f"min {shown(low)} is not below max {shown(high)}; swap or correct them")
    return low, high


def _positive_ends(parameter: Written) -> tuple[float, float]:
    low, high = _ends(parameter)
    if low <= 0:
        parameter.need("min").refuse(f"{shown(low)} has no logarithm; write a min above 0")
    return float(low), float(high)


def _powers(parameter: Written, *, sign: int = 1) -> tuple[float, float]:
    """Give e to the power of min and max, or of their negatives, the smaller first."""
    try:
        low, high = sorted(math.exp(sign * end) for end in _ends(parameter))
    except OverflowError:
        parameter.refuse("min and max are exponents of e, and too large; use log_uniform_values")
    return low, high


def _optional(parameter: Written, key: str, default: float) -> float:
    found = parameter.get(key)
    value = default if found is None else found.number()
    if value < 0 and key != "mu":
        parameter.need(key).refuse(f"{shown(value)} is below 0; write 0 or more")
    return value


def _step(parameter: Written) -> int | float:
    found = parameter.get("q")
    step = 1 if found is None else found.number()
    if step < FINEST:
        parameter.need("q").refuse(f"{shown(step)} is no distance; write a q above {FINEST:g}")
    return step


def _constant(parameter: Written) -> Form:
    return Constant(parameter.need("value").value)


def _int_uniform(parameter: Written) -> Form:
    low, high = _ends(parameter)
    for end in RANGE:
        parameter.need(end).whole(least=-(10**15))
    return Same({"type": "int", "low": int(low), "high": int(high)})


def _bell(parameter: Written) -> tuple[float, float]:
    middle, spread = _optional(parameter, "mu", 0.0), _optional(parameter, "sigma", 1.0)
    ends = (middle - SPREAD * spread, middle + SPREAD * spread)
    return float(f"{ends[0]:.12g}"), float(f"{ends[1]:.12g}")  # 0.06, not 0.060000000000000005


def _normal(parameter: Written) -> Form:
    return Unlike(NORMAL, continuous(*_bell(parameter)))


def _q_normal(parameter: Written) -> Form:
    return Unlike(NORMAL, steps_within(*_bell(parameter), _step(parameter)))


def _log_normal(parameter: Written) -> Form:
    try:
        low, high = (math.exp(end) for end in _bell(parameter))
    except OverflowError:
        return Unlike(NORMAL)
    return Unlike(NORMAL, log_range(low, high))


def _beta(parameter: Written) -> Form:
    if all(_optional(parameter, key, 1.0) == 1 for key in BETA):
        return Same(continuous(0.0, 1.0))
    return Unlike(UNEVEN, continuous(0.0, 1.0))


def _q_beta(parameter: Written) -> Form:
    even = all(_optional(parameter, key, 1.0) == 1 for key in BETA)
    form = quantised(0, 1, _step(parameter))
    return form if even or isinstance(form, Constant) else Unlike(UNEVEN, form.entry)


NORMAL = f"hpo draws from ranges, none bell-shaped; near is the range of mu ± {SPREAD:g} sigma"
UNEVEN = "hpo's ranges are even, and this one is not"
WEIGHTED = "categorical_w_probabilities"


@dataclass(frozen=True)
class Distribution:
    """One of W&B's: the keys that it takes beside `distribution`, and what it is in our terms."""

    keys: tuple[str, ...]
    form: Callable[[Written], Form]


DISTRIBUTIONS = {
    "constant": Distribution(("value",), _constant),
    "categorical": Distribution(("values", "probabilities"), categorical),
    "int_uniform": Distribution(RANGE, _int_uniform),
    "uniform": Distribution(RANGE, lambda one: Same(continuous(*_ends(one)))),
    "q_uniform": Distribution((*RANGE, "q"), lambda one: quantised(*_ends(one), _step(one))),
    "log_uniform": Distribution(RANGE, lambda one: Same(log_range(*_powers(one)))),
    "log_uniform_values": Distribution(RANGE, lambda one: Same(log_range(*_positive_ends(one)))),
    "q_log_uniform": Distribution(
        (*RANGE, "q"), lambda one: quantised(*_powers(one), _step(one), log=True)
    ),
    "q_log_uniform_values": Distribution(
        (*RANGE, "q"), lambda one: quantised(*_positive_ends(one), _step(one), log=True)
    ),
    "inv_log_uniform": Distribution(RANGE, lambda one: Same(log_range(*_powers(one, sign=-1)))),
    "inv_log_uniform_values": Distribution(
        RANGE, lambda one: Same(log_range(*_positive_ends(one)))
    ),
    "normal": Distribution(BELL, _normal),
    "q_normal": Distribution((*BELL, "q"), _q_normal),
    "log_normal": Distribution(BELL, _log_normal),
    "q_log_normal": Distribution((*BELL, "q"), _log_normal),
    "beta": Distribution(BETA, _beta),
    "q_beta": Distribution((*BETA, "q"), _q_beta),
}
