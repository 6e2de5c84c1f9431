"""Trials that came to nothing, by reason."""

import re
from collections import defaultdict
from collections.abc import Mapping

from optuna.trial import FrozenTrial

from config.counting import counted
from hpo.report.document import Section, Table, Text
from hpo.report.facts import Facts
from hpo.status import WITHOUT_REASON
from hpo.trial_record import ERROR, INFEASIBLE, is_infeasible

NUMBER = re.compile(r"\d[\d.,]*(?:e[-+]?\d+)?")
NAMED = 6  # trials whose numbers are given
REASONS = 12  # that are listed
REASON_CHARACTERS = 200
WORDS = {"memory": "out of memory", "divergence": "the training diverged"}


def failures(facts: Facts) -> Section:
    """What failed or could not be trained, the commonest reason first."""
    grouped = by_reason(facts)
    if not grouped:
        return Section("Failures", (Text("No trial failed, and all settings could be trained."),))
    rows = tuple(
        (kind, str(len(trials)), _numbers(trials), reason)
        for (kind, reason), trials in grouped.items()
    )
    table = Table(("how", "trials", "which", "reason"), rows[:REASONS])
    if len(rows) <= REASONS:
        return Section("Failures", (table,))
    more = Text(f"And {counted(len(rows) - REASONS, 'rarer reason')}: hpo status --json has all.")
    return Section("Failures", (table, more))


def by_reason(facts: Facts) -> Mapping[tuple[str, str], list[FrozenTrial]]:
    """Failed and infeasible trials by how and why; reasons that differ in numbers are one."""
    groups: dict[tuple[str, str], list[FrozenTrial]] = defaultdict(list)
    for trial in (*facts.failed, *facts.infeasible):
        kind = "infeasible" if is_infeasible(trial) else "failed"
        groups[kind, NUMBER.sub("…", reason_of(trial))].append(trial)
    ordered = sorted(groups.values(), key=lambda trials: (-len(trials), trials[0].number))
    return {
        ("infeasible" if is_infeasible(trials[0]) else "failed", reason_of(trials[0])): trials
        for trials in ordered
    }


def reason_of(trial: FrozenTrial) -> str:
    """Why the trial came to nothing, in its own words."""
    kept = trial.user_attrs.get(INFEASIBLE if is_infeasible(trial) else ERROR, WITHOUT_REASON)
    return str(kept)[:REASON_CHARACTERS]


def short_reason(trial: FrozenTrial) -> str:
    """Why in a word or two: out of memory; or the error's type."""
    if is_infeasible(trial):
        broken = next((name for name, value in trial.constraints.items() if value > 0), "")
        return WORDS.get(broken, f"constraint {broken} violated")
    return reason_of(trial).split(":", maxsplit=1)[0]


def _numbers(trials: list[FrozenTrial]) -> str:
    shown = ", ".join(str(trial.number) for trial in trials[:NAMED])
    return f"{shown} and {len(trials) - NAMED} more" if len(trials) > NAMED else shown
