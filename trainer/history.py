"""Evaluations as JSON keeps them, and back, to the last digit."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.evaluation import Evaluation, Sample
from trainer.rouge import Scores


def to_values(evaluations: Sequence[Evaluation], kept: Mapping[Path, int]) -> list[dict[str, Any]]:
    """Return the evaluations as plain values; `kept` has the number of each kept model."""
    return [
        {**asdict(each), "checkpoint": each.checkpoint and kept.get(each.checkpoint)}
        for each in evaluations
    ]


def from_values(
    values: Sequence[Mapping[str, Any]], kept: Mapping[int, Path]
) -> tuple[Evaluation, ...]:
    """Return the evaluations that were saved, as replayed ones.

    `kept` has the kept models' folders now; `checkpoint` is None where that model is not kept.
    """
    return tuple(
        Evaluation(
            **{
                **each,
                "scores": Scores(**each["scores"]),
                "samples": tuple(Sample(**sample) for sample in each["samples"]),
                "checkpoint": kept.get(each["checkpoint"]),
                "replayed": True,
            }
        )
        for each in values
    )
