"""A sweep's metric: which of ours it is, its goal, and the score that is enough."""

from __future__ import annotations

import re
from typing import get_args

from config.problems import shown
from config.sections import MetricName
from config.sweep.findings import Left, Note
from config.sweep.source import Written

NAMES: tuple[str, ...] = get_args(MetricName)
# eval_rougeL is the Trainer's, val/rougeL and the like are people's; f1 is the measure of all.
SPLIT = re.compile(r"^(?:eval|val|valid|validation|dev|best)[/_.]")
MEASURE = re.compile(r"(?:fmeasure|f1|f)$")
MORE = "every metric of hpo is a ROUGE F1, where more is better, and is maximized"
IMPUTE = "which value stands for a failed or a running trial; hpo's samplers leave those out"


def metric_of(section: Written) -> tuple[str | None, float | None, list[Left | Note]]:
    """Give the metric's name and target, None for what is not said or not ours, and findings."""
    section.only(("name", "goal", "target", "impute", "impute_while_running"))
    said: list[Left | Note] = [*_goal(section), *_imputed(section)]
    written = section.need("name")
    if not isinstance(written.value, str):
        written.refuse(f"{shown(written.value)} is not the name of a metric")
    name = _ours(written.value)
    if name is None:
        said.append(Left(written, f"hpo does not maximize {shown(written.value)}; {_choice()}"))
    elif name != written.value:
        said.append(Note(written, f"taken as {name}"))
    target = section.get("target")
    if target is None:
        return name, None, said
    enough = target.number()
    if name is not None and 0 < enough <= 1:
        return name, float(enough), said
    if name is not None:
        said.append(Left(target, f"{shown(enough)} is no ROUGE of hpo's, which is from 0 to 1"))
    else:
        said.append(Left(target, "it is that of another metric; write optuna.stop.target"))
    return name, None, said


def _goal(section: Written) -> list[Left]:
    goal = section.get("goal")
    if goal is None:
        return [Left(section, f"says no goal, which W&B takes as minimize; {MORE}")]
    word = goal.word(("maximize", "minimize"))
    return [] if word == "maximize" else [Left(goal, f"minimize; {MORE}")]


def _imputed(section: Written) -> list[Left]:
    found = (section.get(key) for key in ("impute", "impute_while_running"))
    return [Left(one, IMPUTE) for one in found if one is not None]


def _ours(written: str) -> str | None:
    """Read eval_rougeL, val/rouge_l_f1 and ROUGE-L as rougeL; None for any other metric."""
    words = re.sub(r"[^a-z0-9]", "", SPLIT.sub("", written.lower()))
    short = {_short(name): name for name in NAMES}
    return short.get(_short(words))


def _short(name: str) -> str:
    return MEASURE.sub("", re.sub(r"[^a-z0-9]", "", name.lower()))


def _choice() -> str:
    return f"write one of {', '.join(NAMES)} into metric.name"
