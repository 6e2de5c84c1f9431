"""What became of the search, counted from the database, its diary, and what the workers printed."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from chaos.crew import Life
from chaos.databases import Disturbed
from chaos.schedule import Plan

EPOCH = re.compile(r"^\s*trial (\d+)\s+epoch ([\d.]+)/", re.MULTILINE)
CONTINUES = re.compile(r"^trial (\d+) continues", re.MULTILINE)
GOOD_ENDS = ("the budget is spent", "every combination of the search space")


@dataclass(frozen=True)
class Row:
    """One line of the table: what was counted, and how many there may be (None: any number)."""

    what: str
    found: int
    allowed: tuple[int, int] | None = None

    @property
    def fails(self) -> bool:
        """Whether the count is not what was promised."""
        return self.allowed is not None and not self.allowed[0] <= self.found <= self.allowed[1]


def rows_of(
    plan: Plan,
    struck: Counter[str],
    *,
    database: Disturbed,
    trials: Sequence[FrozenTrial],
    lives: Sequence[Life],
    differing: Sequence[str],
) -> list[Row]:
    """The whole table."""
    states = Counter(trial.state for trial in trials)
    none = (0, 0)
    kills = sum(count for kind, count in struck.items() if kind.startswith("kill"))
    return [
        Row("SIGKILLs", kills, (plan.kills, plan.kills)),
        Row("SIGSTOPs past the lease", struck["pause"], (plan.pauses, plan.pauses)),
        Row("database outages", struck["database"], (plan.outages, plan.outages)),
        Row("trials taken", len(trials), (plan.trials, plan.trials)),
        Row("  complete", states[TrialState.COMPLETE]),
        Row("  pruned", states[TrialState.PRUNED]),
        Row("  failed", states[TrialState.FAIL], none),
        Row("trials left running", states[TrialState.RUNNING], none),
        Row("leases left open", _count(database, "hpo_leases WHERE NOT done"), none),
        Row("continuations", sum(len(CONTINUES.findall(life.printed())) for life in lives)),
        Row(
            "evaluations reported twice", _twice(database, "chaos_reports", "trial_id, step"), none
        ),
        Row("trials ended twice", _twice(database, "chaos_ends", "trial_id"), none),
        Row("evaluations trained again, most after one kill", _trained_again(lives), (0, 1)),
        Row("completed values or curves unlike undisturbed ones", len(differing), none),
        Row("workers dead of anything but the schedule", len(strays(lives)), none),
    ]


def strays(lives: Sequence[Life]) -> list[str]:
    """What ended workers that the schedule did not: a line for each."""
    found = []
    for life in lives:
        printed = life.printed()
        deaths = len(re.findall("the working process died", printed))
        if deaths > life.children_killed:
            found.append(f"{life.log.name}: {deaths} deaths, {life.children_killed} scheduled")
        elif not life.killed and (life.process.returncode or not _ended_well(printed)):
            found.append(f"{life.log.name}: exit status {life.process.returncode}")
    return found


def _ended_well(printed: str) -> bool:
    return any(end in printed for end in GOOD_ENDS)


def _count(database: Disturbed, what: str) -> int:
    return int(database.rows(f"SELECT count(*) FROM {what}")[0][0])


def _twice(database: Disturbed, table: str, key: str) -> int:
    return _count(
        database, f"(SELECT {key} FROM {table} GROUP BY {key} HAVING count(*) > 1) AS again"
    )


def _trained_again(lives: Sequence[Life]) -> int:
    """Within one life and trial, how many evaluations another life had made before; the most."""
    made = [Counter(EPOCH.findall(life.printed())) for life in lives]
    total: Counter[tuple[str, str]] = sum(made, Counter())
    # Of two lives that made the same evaluation, one did so again; which one does not matter.
    again = Counter(
        (number, trial)
        for number, one in enumerate(made)
        for trial, epoch in one
        if total[trial, epoch] > 1
    )
    return max(again.values(), default=0)
