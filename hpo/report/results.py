"""How the trials ended, and the best of them."""

from optuna.trial import TrialState

from hpo.progress import short
from hpo.report.document import Block, Section, Table, Text
from hpo.report.facts import Facts, last_part
from hpo.report.yardstick import beside
from hpo.trial_record import BEST_EPOCH

SHOWN = 5  # of the best trials


def results(facts: Facts) -> Section:
    """Counts, the best trial, those behind it, and what the best one writes."""
    blocks: list[Block] = [Text(_counts(facts))]
    if facts.best is None:
        blocks.append(Text("No trial has completed, so there is no result yet."))
        blocks += _better_told(facts)
        blocks += beside(facts.yardsticks, metric=facts.metric, best=None)
        return Section("Results", tuple(blocks))
    best = facts.best
    blocks.append(
        Text(
            f"Best: trial {best.number}, {facts.metric} {best.value:.4f} on the dev set,"
            f" at epoch {best.epoch:g}."
        )
    )
    blocks.append(_leaders(facts))
    blocks += _better_told(facts)
    blocks += beside(facts.yardsticks, metric=facts.metric, best=best.value)
    return Section("Results", tuple(blocks))


def samples(facts: Facts) -> Section | None:
    """What the best trial wrote, beside the references; None where nothing was kept."""
    if not facts.samples or facts.best is None:
        return None
    rows = tuple((one.fname, one.prediction or "(empty)", one.reference) for one in facts.samples)
    return Section(
        f"Samples of trial {facts.best.number}",
        (Table(("dialogue", "generated", "reference"), rows),),
    )


def _counts(facts: Facts) -> str:
    status = facts.status
    counted = (
        (status.complete - status.told - status.brought, "completed"),
        (status.told, "told by another program"),
        (facts.brought, "brought from another study"),
        (len(facts.pruned), "pruned"),
        (sum(t.state is TrialState.PRUNED for t in facts.infeasible), "infeasible"),
        (len(facts.failed), "failed"),
        (status.running, "running"),
        (status.waiting, "waiting"),
    )
    told = ", ".join(f"{count} {word}" for count, word in counted if count)
    return f"Trials: {told or 'none yet'}."


def _better_told(facts: Facts) -> list[Block]:
    """A better value that nobody can train again from what is kept of it."""
    told = facts.status.better_told
    return [] if told is None else [Text(f"Not counted: {told}.")]


def _leaders(facts: Facts) -> Table:
    shown = facts.complete[:SHOWN]
    tried = {field: None for trial in shown for field in trial.params}
    searched = facts.config.optuna.search_space
    fields = sorted(tried, key=[*searched, *tried].index)
    top = shown[0].values[0]
    rows = tuple(
        (
            str(trial.number),
            f"{trial.values[0]:.4f}",
            f"{top - trial.values[0]:.4f}" if trial is not shown[0] else "",
            f"{trial.user_attrs[BEST_EPOCH]:g}" if BEST_EPOCH in trial.user_attrs else "",
            *(short(trial.params.get(field, "")) for field in fields),
        )
        for trial in shown
    )
    head = ("trial", facts.metric, "behind", "best epoch", *map(last_part, fields))
    return Table(head, rows)
