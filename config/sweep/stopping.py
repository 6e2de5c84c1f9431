"""A sweep's early_terminate as a pruner.

W&B's hyperband has one bracket: at each of its bands a run goes on that is among the best 1/eta
of those that got there. That is successive halving; our `hyperband` has several brackets. Bands
count logged values of the metric, ours evaluations.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.problems import shown
from config.sweep.findings import Left, Note
from config.sweep.source import Written

ETA = 3
NONE = {"name": "none"}
LOOSE = "W&B then judges a run by its best value so far, hpo by the one at that evaluation"
Pruner = Mapping[str, object]


def pruner_of(section: Written, *, most: int) -> tuple[Pruner, list[Left | Note]]:
    """Give the pruner, and what is to be said of it.

    most: evaluations that a trial can reach.
    Raises SourceError where W&B refuses the section too.
    """
    section.only(("type", "min_iter", "max_iter", "s", "eta", "strict"))
    section.need("type").word(("hyperband",))
    eta = _eta(section)
    bands = _bands(section, eta, most)
    said = _loose(section)
    early = [band for band in bands if band < most]
    if not early:
        text = f"stops no trial: it decides first at evaluation {bands[0]}, and trials have {most}"
        return NONE, [*said, Note(section, text)]
    factor = max(2, round(eta))
    pruner = {"name": "successive_halving", "min_resource": early[0], "reduction_factor": factor}
    ours = _powers(early[0], factor, most)
    if factor == eta and ours == early:
        text = f"successive_halving, deciding at evaluation {_list(ours)}"
        return pruner, [*said, Note(section, text)]
    reason = (
        f"W&B decides at evaluation {_list(early)} and lets 1 in {eta:g} go on; a pruner of hpo's "
        f"decides at {_list(ours)}, 1 in {factor}"
    )
    return NONE, [*said, Left(section, reason, {"optuna.pruner": pruner})]


def _loose(section: Written) -> list[Left | Note]:
    strict = section.get("strict")
    if strict is None:
        return []
    if not isinstance(strict.value, bool):
        strict.refuse(f"{shown(strict.value)} is not true or false")
    return [] if strict.value else [Note(strict, LOOSE)]


def _eta(section: Written) -> float:
    found = section.get("eta")
    if found is None:
        return ETA
    eta = found.number()
    if eta <= 1:
        found.refuse(f"{shown(eta)} lets every run go on; write a number above 1")
    return eta


def _bands(section: Written, eta: float, most: int) -> list[int]:
    """Give the iterations at which W&B decides, as its package `sweeps` counts them."""
    longest, first = section.get("max_iter"), section.get("min_iter")
    if longest is not None:
        return _downwards(section, longest.whole(least=1), eta)
    if first is None:
        section.refuse("lacks min_iter, or max_iter with s; write one of them")
    return _upwards(first.whole(least=1), eta, most)


def _downwards(section: Written, longest: int, eta: float) -> list[int]:
    steps = section.need("s").whole(least=1)
    bands: list[int] = []
    band: float = longest
    while len(bands) < steps:
        band /= eta
        if band < 1:
            break
        bands.append(int(band))
    if not bands:
        section.refuse(f"max_iter {longest} has no band before it with eta {eta:g}; raise it")
    return sorted(set(bands))


def _upwards(first: int, eta: float, most: int) -> list[int]:
    bands, band = [first], first * eta
    while band < most:
        bands.append(int(band))
        band *= eta
    return sorted(set(bands))


def _powers(first: int, factor: int, most: int) -> list[int]:
    """Give the evaluations at which successive halving decides before the last one."""
    rungs, rung = [], first
    while rung < most:
        rungs.append(rung)
        rung *= factor
    return rungs


def _list(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
