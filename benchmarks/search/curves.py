"""Recorded learning curves: tables of configurations, each with its score at every evaluation.

Scores are maximized, a loss is stored negated. A configuration that diverged has no score from the
evaluation on at which it did: that evaluation was paid for, and nothing was learned from it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from config.space import FloatEntry, SearchSpace

CHOOSING = 2
"""Every second file of a folder by name, from the first, may choose pruners and samplers."""

TEXT_RNN_SPACE: SearchSpace = {
    "learning_rate": FloatEntry(low=1e-8, high=10.0, log=True),
    "one_minus_beta1": FloatEntry(low=1e-4, high=1.0, log=True),
    "one_minus_beta2": FloatEntry(low=1e-6, high=1.0, log=True),
    "epsilon": FloatEntry(low=1e-10, high=1e3, log=True),
    "l1": FloatEntry(low=1e-8, high=10.0, log=True),
    "l2": FloatEntry(low=1e-8, high=10.0, log=True),
    "linear_decay": FloatEntry(low=1e-7, high=1e-4, log=True),
    "exponential_decay": FloatEntry(low=1e-6, high=1e-3, log=True),
}
"""As the configurations were drawn: log-uniform, the betas by their distance from 1."""


class NoCurves(Exception):
    """There are no recorded curves at a place; the message says where they were looked for."""


@dataclass(frozen=True)
class Curve:
    """One recorded configuration: `scores` ends before the evaluation at which it diverged."""

    params: Mapping[str, object]
    scores: tuple[float, ...]
    diverged: bool

    @property
    def epochs(self) -> int:
        """What the whole training costs, a diverging evaluation included."""
        return len(self.scores) + self.diverged

    @cached_property
    def value(self) -> float:
        """Its best evaluation; minus infinity where it diverged, since it can never win."""
        return -math.inf if self.diverged else max(self.scores)


@dataclass(frozen=True)
class Task:
    """A table of recorded configurations of one training task.

    `reruns` are the scores of one good configuration under several seeds, where they were recorded.
    """

    name: str
    space: SearchSpace
    curves: tuple[Curve, ...]
    epochs: int
    held_out: bool
    reruns: tuple[tuple[float, ...], ...] = ()

    @cached_property
    def best(self) -> float:
        """The best value in the table."""
        return max(curve.value for curve in self.curves)


def load_text_rnn(folder: Path) -> list[Task]:
    """TaskSet's text tasks, or others recorded alike: 51 validation losses a configuration.

    Raises NoCurves where the folder holds none.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise NoCurves(f"no recorded curves (*.json) in {folder}; name their folder with --curves")
    return [
        Task(
            name=path.stem,
            space=TEXT_RNN_SPACE,
            curves=tuple(map(_text_rnn_curve, json.loads(path.read_text("utf-8")))),
            epochs=51,
            held_out=number % CHOOSING != 0,
        )
        for number, path in enumerate(paths)
    ]


def load_recorded(path: Path) -> Task:
    """Curves that `python -m benchmarks.search.record` wrote; always held out."""
    kept = json.loads(path.read_text("utf-8"))
    space: SearchSpace = TypeAdapter(SearchSpace).validate_python(kept["space"])
    curves = tuple(
        Curve(one["params"], tuple(one["scores"]), one["diverged"]) for one in kept["trials"]
    )
    return Task(
        kept["name"],
        space,
        curves,
        epochs=kept["epochs"],
        held_out=True,
        reruns=tuple(map(tuple, kept["reruns"])),
    )


def _text_rnn_curve(row: Mapping[str, Any]) -> Curve:
    params = dict(row["hp"])
    for name in ("beta1", "beta2"):
        params[f"one_minus_{name}"] = 1 - params.pop(name)
    losses: list[float | None] = row["valid_loss"]
    reached = losses.index(None) if None in losses else len(losses)
    scores = tuple(-loss for loss in losses[:reached] if loss is not None)
    return Curve(params, scores, diverged=reached < len(losses))
