"""What the study teaches: sentences, each made by a rule whose condition the figures meet."""

from collections import defaultdict
from collections.abc import Iterator

from optuna.trial import FrozenTrial
from scipy.stats import fisher_exact

from hpo.progress import short
from hpo.report.confirmation import confirmed_best
from hpo.report.document import Finding
from hpo.report.facts import Facts, last_part
from hpo.report.failures import short_reason
from hpo.report.ranks import LEVEL, differences
from hpo.trial_record import BEST_EPOCH

FEWEST = 3  # trials that a statement stands on
MOST_OTHERS = 0.5  # of a value's share of failures, in the rest
WITHOUT_GAIN = 10  # finished trials since the best
MOST_VALUES = 12  # of a setting, to be looked at one by one


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
    """A value of a setting with which trials mostly came to nothing, and without it seldom."""
    bad = {trial.number: trial for trial in (*facts.failed, *facts.infeasible)}
    ended = [*facts.complete, *facts.pruned, *bad.values()]
    for field in facts.config.optuna.search_space if bad else ():
        tried: dict[object, list[FrozenTrial]] = defaultdict(list)
        for trial in ended:
            if field in trial.params:
                tried[trial.params[field]].append(trial)
        for value, trials in tried.items() if len(tried) <= MOST_VALUES else ():
            rest = [t for other, ts in tried.items() if other != value for t in ts]
            yield from _failing(f"{last_part(field)} {short(value)}", trials, rest, bad)


def _failing(
    name: str,
    trials: list[FrozenTrial],
    rest: list[FrozenTrial],
    bad: dict[int, FrozenTrial],
) -> Iterator[Finding]:
    reasons = [short_reason(trial) for trial in trials if trial.number in bad]
    if len(reasons) < FEWEST or not rest:
        return
    commonest = max(reasons, key=reasons.count)
    count = reasons.count(commonest)
    elsewhere = sum(t.number in bad and short_reason(t) == commonest for t in rest)
    table = [[count, len(trials) - count], [elsewhere, len(rest) - elsewhere]]
    seldom = elsewhere / len(rest) <= MOST_OTHERS * count / len(trials)
    sure = fisher_exact(table, alternative="greater").pvalue <= LEVEL
    if count >= FEWEST and 2 * count >= len(trials) and seldom and sure:
        yield Finding(
            f"{name} failed: {commonest} in {count} of {len(trials)} trials, and in {elsewhere} of"
            f" the {len(rest)} others.",
            f"Leave {name} out of the search space, or mend what makes it fail ({commonest}).",
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


def _without_gain(facts: Facts) -> Iterator[Finding]:
    if facts.best is None:
        return
    number = facts.best.number
    after = [t for t in (*facts.complete, *facts.pruned) if t.number > number]
    if len(after) >= WITHOUT_GAIN:
        yield Finding(
            f"None of the {len(after)} trials after trial {number} that completed or were pruned"
            " came to more.",
            "More trials of the same space promise little; change the space instead.",
        )


def _timed(facts: Facts) -> list[FrozenTrial]:
    return [trial for trial in facts.complete if BEST_EPOCH in trial.user_attrs]
