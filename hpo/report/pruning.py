"""What pruning saved, and which rule stopped how many trials."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from config.counting import counted
from hpo.durations import duration
from hpo.report.document import Block, Section, Table, Text
from hpo.report.facts import Facts
from hpo.trial_record import MACHINE, PRUNED, seconds_of

UNKNOWN = "no rule was kept"


@dataclass(frozen=True)
class Saved:
    """Epochs that were run and that pruned trials left out; `seconds` those would have taken.

    `measured` pruned trials have a time of their own to reckon with.
    """

    run: float
    epochs: float
    seconds: float
    measured: int

    @property
    def share(self) -> float:
        """The part of all planned epochs that was not run."""
        return self.epochs / (self.run + self.epochs) if self.epochs else 0.0


def saved(facts: Facts) -> Saved:
    """Reckon against every pruned trial run to its planned epochs, at its own pace."""
    ended = [*facts.complete, *facts.pruned, *facts.failed, *facts.infeasible]
    spared = {trial.number: _left(facts, trial) for trial in facts.pruned}
    pace = {t.number: p for t in facts.pruned if (p := _seconds_an_epoch(facts, t)) is not None}
    return Saved(
        run=sum(map(facts.epochs_run, ended)),
        epochs=sum(spared.values()),
        seconds=sum(pace[number] * spared[number] for number in pace),
        measured=len(pace),
    )


def rules(trials: Sequence[FrozenTrial]) -> Mapping[str, list[FrozenTrial]]:
    """The pruned trials by the rule that stopped them."""
    found: dict[str, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        verdict = trial.user_attrs.get(PRUNED)
        found[UNKNOWN if verdict is None else str(verdict["rule"])].append(trial)
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def pruning(facts: Facts) -> Section:
    """Both, as a section."""
    if not facts.pruned:
        return Section("Pruning", (Text("No trial was pruned."),))
    total = saved(facts)
    blocks: list[Block] = [Text(_sentence(facts, total)), _by_rule(facts)]
    return Section("Pruning", tuple(blocks))


def _sentence(facts: Facts, total: Saved) -> str:
    hours = ""
    if total.measured:
        cards = {str(t.user_attrs.get(MACHINE, {}).get("device", "cpu")) for t in facts.pruned}
        what = "of training on the CPU" if cards == {"cpu"} else "of GPU time"
        hours = f" and about {duration(total.seconds)} {what}"
    run, spared = round(total.run, 1), round(total.epochs, 1)
    return (
        f"Pruning saved {counted(spared, 'epoch')}{hours}: {counted(run, 'epoch')}"
        f" {'was' if run == 1 else 'were'} run, and"
        f" {total.share:.0%} of {run + spared:,g} were not. An estimate: it takes"
        " every pruned trial to its planned epochs at the pace that it had itself; early stopping"
        " might have ended some before. Workers that share a card are counted singly."
    )


def _by_rule(facts: Facts) -> Table:
    rows = tuple(
        (
            rule,
            str(len(trials)),
            f"{statistics.median(map(facts.epochs_run, trials)):g}",
            f"{round(sum(_left(facts, trial) for trial in trials), 1):g}",
        )
        for rule, trials in rules(facts.pruned).items()
    )
    return Table(("rule", "trials", "median epoch", "epochs saved"), rows)


def _left(facts: Facts, trial: FrozenTrial) -> float:
    return max(facts.epochs_planned(trial) - facts.epochs_run(trial), 0.0)


def _seconds_an_epoch(facts: Facts, trial: FrozenTrial) -> float | None:
    seconds, run = seconds_of(trial), facts.epochs_run(trial)
    return None if seconds is None or run <= 0 else seconds / run
