"""What the study teaches: sentences, each made by a rule whose condition the figures meet."""

import math
from collections.abc import Iterator

from optuna.trial import FrozenTrial

from hpo.report.confirmation import confirmed_best
from hpo.report.document import Finding
from hpo.report.facts import Facts
from hpo.report.failing_values import failing_values
from hpo.report.ranks import differences
from hpo.trial_record import BEST_EPOCH

FEWEST = 3  # trials that a statement stands on
WITHOUT_GAIN = 10  # finished trials since the best


def learned(facts: Facts) -> list[Finding]:
    """Every statement that the figures support, what failed first."""
    return [
        *confirmed_best(facts),
        *_failing_values(facts),
        *[Finding(str(difference)) for difference in differences(facts)],
        *_last_gain(facts),
        *_still_rising(facts),
        *_without_gain(facts),
    ]


def _failing_values(facts: Facts) -> Iterator[Finding]:
    for one in failing_values(facts):
        yield Finding(
            f"{one.name} failed: {one.reason} in {one.count} of {one.trials} trials, and in"
            f" {one.elsewhere} of the {one.others} others.",
            f"Leave {one.name} out of the search space, or mend what makes it fail ({one.reason}).",
        )


def _last_gain(facts: Facts) -> Iterator[Finding]:
    """An epoch after which no trial got better, though some trained on."""
    gains = {t.number: float(t.user_attrs[BEST_EPOCH]) for t in _timed(facts)}
    if not gains:
        return
    last = max(gains.values())
    longer = [trial for trial in _timed(facts) if facts.epochs_run(trial) > last]
    if len(longer) < FEWEST:
        return
    most = max(map(facts.epochs_run, longer))
    yield Finding(
        f"No gain after epoch {last:g} in any of {len(longer)} completed trials that trained on,"
        f" up to epoch {most:g}.",
        f"Search fewer epochs: none of the {len(longer)} trials needed more than {last:g}.",
    )


def _still_rising(facts: Facts) -> Iterator[Finding]:
    """Most trials were best at their very last evaluation."""
    timed = _timed(facts)
    rising = [t for t in timed if float(t.user_attrs[BEST_EPOCH]) >= facts.epochs_run(t)]
    if len(rising) >= FEWEST and 2 * len(rising) > len(timed):
        yield Finding(
            f"{len(rising)} of {len(timed)} completed trials were best at their last epoch.",
            "Search more epochs: most trials were still rising when they ended.",
        )


def without_gain(facts: Facts) -> int | None:
    """How many trials have come to no more since the best one; None where they tell nothing."""
    number = math.inf if facts.best is None else facts.best.number
    after = sum(trial.number > number for trial in (*facts.complete, *facts.pruned))
    return after if after >= WITHOUT_GAIN else None


def _without_gain(facts: Facts) -> Iterator[Finding]:
    after = without_gain(facts)
    if after is not None and facts.best is not None:
        yield Finding(
            f"None of the {after} trials after trial {facts.best.number} that completed or were"
            " pruned came to more.",
            "More trials of the same space promise little; change the space instead.",
        )


def _timed(facts: Facts) -> list[FrozenTrial]:
    return [trial for trial in facts.complete if BEST_EPOCH in trial.user_attrs]
