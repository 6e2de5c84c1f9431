"""The early end of a search: no gain in the last finished trials, or a value as good as wanted."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from config.counting import counted
from config.schema import Stop
from hpo.own_trials import OwnTrials
from hpo.trial_record import has_value

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)


def finished(trials: Sequence[FrozenTrial], own: OwnTrials) -> list[FrozenTrial]:
    """The completed and pruned trials that hpo ended in this study, in the order they ended.

    Failed ones tell nothing, and those of others say nothing of what can be trained here.
    """
    over = [trial for trial in trials if trial.state in FINISHED and own.ended(trial)]
    return sorted(over, key=lambda trial: (trial.datetime_complete, trial.number))


def ending(over: Sequence[FrozenTrial], rule: Stop, *, since: int = 0) -> str | None:
    """Why the search should end, in words and numbers; None where it should go on.

    `over` are the finished trials, of which `since` had finished when the rule last ended the
    search. After an extension it waits for `patience` further ones, and the target counts no more:
    more was asked for beyond it.
    """
    reached = _reached(over, rule.target) if rule.target is not None and not since else None
    if reached is not None or rule.patience is None:
        return reached
    return _no_improvement(over, rule, rule.patience, since=since)


def _reached(over: Sequence[FrozenTrial], target: float) -> str | None:
    best = _best(over)
    if best is None or best[1] < target:
        return None
    return f"the target of {target:g} is reached: {best[1]:.4f} (trial {best[0]})"


def _no_improvement(
    over: Sequence[FrozenTrial], rule: Stop, patience: int, *, since: int
) -> str | None:
    if len(over) - max(since, 1) < patience:
        return None
    earlier, last = over[:-patience], over[-patience:]
    best, gained = _best(earlier), _best(last)
    if best is None:
        return None
    number, value = best
    if gained is not None and gained[1] > value + rule.min_improvement:
        return None
    found = "none of them completed" if gained is None else f"the best of them {gained[1]:.4f}"
    return (
        f"no gain beyond {rule.min_improvement:g} in the last"
        f" {counted(patience, 'finished trial')}: {value:.4f} before them (trial {number}), {found}"
    )


def _best(trials: Sequence[FrozenTrial]) -> tuple[int, float] | None:
    scored = [(trial.number, float(trial.values[0])) for trial in filter(has_value, trials)]
    return max(scored, key=lambda one: one[1], default=None)
