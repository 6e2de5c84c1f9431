"""Finished searches of real teams: the score of every completed configuration."""

import csv
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCORES = ("value", "eval_rouge-l")
"""Columns that hold a search's score, as the teams' tools named them."""
FEWEST = 5
SAME = 1e-3  # relative; a sampler's last digits differ between two runs of one script


class NoTraces(Exception):
    """There are no searches at a place; the message says where they were looked for."""


@dataclass(frozen=True)
class Trace:
    """A search: `scores` by trial number, `params` as the file has them."""

    name: str
    scores: Mapping[int, float]
    params: Mapping[int, tuple[str, ...]]


def load_traces(folder: Path) -> list[Trace]:
    """Every search of at least five completed trials; raises NoTraces where there is none."""
    found = [trace for path in sorted(folder.glob("*.csv")) if (trace := _trace(path)) is not None]
    if not found:
        raise NoTraces(f"no finished searches (*.csv) in {folder}; name their folder: --traces")
    return found


def repeated(one: Trace, other: Trace) -> list[int]:
    """The trials that both have, with the same parameters."""
    shared = one.scores.keys() & other.scores.keys()
    return sorted(n for n in shared if _same(one.params[n], other.params[n]))


def repeat_sd(one: Trace, other: Trace, numbers: list[int]) -> float:
    """SD of one run, from trials that were run twice: that of the differences over root 2."""
    differences = [one.scores[n] - other.scores[n] for n in numbers]
    return math.sqrt(statistics.fmean(d**2 for d in differences) / 2)


def _trace(path: Path) -> Trace | None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    column = next((name for name in SCORES if rows and name in rows[0]), None)
    if column is None:
        return None
    scores: dict[int, float] = {}
    params: dict[int, tuple[str, ...]] = {}
    for number, row in enumerate(rows):
        if row[column] and row.get("state", "COMPLETE") == "COMPLETE":
            scores[number] = float(row[column])
            params[number] = tuple(v for k, v in row.items() if k.startswith("params_"))
    return Trace(path.stem, scores, params) if len(scores) >= FEWEST else None


def _same(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return len(one) == len(other) > 0 and all(map(_alike, one, other))


def _alike(one: str, other: str) -> bool:
    try:
        return math.isclose(float(one), float(other), rel_tol=SAME)
    except ValueError:
        return one == other
