"""`scores.json`: every evaluation of a training, and which one is best."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.curve import Curve
from trainer.errors import NoDevScore, TrainerError

SCORES_FILE = "scores.json"
ALL_DATA = "train and dev: no set is left to score this model on; it is the last one"
KEPT = re.compile(r"evaluation-(\d+)")  # the name of a kept model's folder begins so


@dataclass(frozen=True)
class KeptScore:
    """What a kept model reached on dev: the metric's name, its value, after how many epochs."""

    metric: str
    value: float
    epoch: float


def write_scores(folder: Path, curve: Curve) -> None:
    """Write the metric, the best evaluation with its model's folder, and all so far."""
    best = curve.evaluations[curve.best_index]
    report = {
        "metric": curve.metric,
        "value": best.scores.value(curve.metric),
        "best": {**best.as_mapping(), "checkpoint": best.checkpoint and best.checkpoint.name},
        "evaluations": [each.as_mapping() for each in curve.evaluations],
    }
    _write(folder, report)


def write_final_scores(
    folder: Path, metric: str, *, found: Mapping[str, object], search: Mapping[str, object]
) -> None:
    """Write, in place of a score, that there is none: the model was trained on the dev set too.

    found: what is known of the training. search: where its settings come from, with their score.
    """
    report: dict[str, object] = {
        "metric": metric,
        "value": None,
        "best": None,
        "evaluations": [],
        "trained_on": ALL_DATA,
        "training": found,
        "search": search,
    }
    _write(folder, report)


def best_model(folder: Path) -> Path:
    """Return the model's folder: `folder` itself, or the best model of the training kept there.

    Raises TrainerError where there is neither.
    """
    if (folder / "config.json").is_file():
        return folder
    try:
        report = json.loads((folder / SCORES_FILE).read_text(encoding="utf-8"))
        kept = report["best"]["checkpoint"]
        name = kept and Path(kept).name  # a name in this folder, never a way out
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError(f"{folder} holds no model; give the folder of a training") from error
    if name is None:
        raise TrainerError(f"{folder} lacks its best model: the disk was full; train it again")
    if not (folder / name / "config.json").is_file():
        raise TrainerError(f"{folder} names {name} as its best model, but that is not there")
    return folder / name


def score_of(folder: Path) -> KeptScore:
    """Return what the model in a folder of a training, or in a kept model's folder, reached on dev.

    Raises NoDevScore where it was trained on dev too, TrainerError where none is known.
    """
    kept = KEPT.match(folder.name)
    inside = (folder / SCORES_FILE).is_file() or kept is None
    try:
        place = folder if inside else folder.parent
        report = json.loads((place / SCORES_FILE).read_text(encoding="utf-8"))
        if report.get("trained_on") == ALL_DATA:
            raise NoDevScore(
                f"the model in {folder} was trained on dev too: it has no dev score;"
                " that of its trial counts, see: hpo best"
            )
        found = report["best"] if inside else _evaluation(report, int(kept[1]) if kept else 0)
        metric = str(report["metric"])
        return KeptScore(metric, float(found[metric]), float(found["epoch"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainerError(
            f"there is no readable {SCORES_FILE} with {folder}; give the folder of a training"
        ) from error


def _evaluation(report: dict[str, Any], number: int) -> dict[str, Any]:
    evaluations: list[dict[str, Any]] = report["evaluations"]
    return {int(each["step"]): each for each in evaluations}[number]


def _write(folder: Path, report: Mapping[str, object]) -> None:
    partial = folder / f".{SCORES_FILE}.{os.getpid()}.partial"
    try:
        partial.write_text(
            json.dumps(report, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
        )
        partial.replace(folder / SCORES_FILE)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
