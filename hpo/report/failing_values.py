"""Values of a setting with which trials came to nothing more often than without them.

Fisher's exact test compares the trials with a value to all others, for each reason that trials
ended for. Holm's correction counts all comparisons whose test could find anything: of the others
it is known beforehand that they cannot (Tarone 1990), as of a value that two trials had.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from optuna.trial import FrozenTrial
from scipy.stats import hypergeom

from hpo.progress import short
from hpo.report.facts import Facts, last_part
from hpo.report.failures import short_reason
from hpo.report.ranks import LEVEL

FEWEST = 3  # trials that a statement stands on
MOST_OTHERS = 0.5  # of a value's share of failures, in the rest
MOST_VALUES = 12  # of a setting, to be looked at one by one


@dataclass(frozen=True)
class FailingValue:
    """How many trials ended for a reason: `count` of the `trials` with a value of a setting.

    `elsewhere` of the `others` did so too.
    """

    name: str
    reason: str
    count: int
    trials: int
    elsewhere: int
    others: int

    @property
    def p(self) -> float:
        """The chance of so many or more, were the value no matter (Fisher's exact test)."""
        return self._chance(self.count)

    @property
    def least_p(self) -> float:
        """The smallest p that the test could give."""
        return self._chance(min(self.trials, self.count + self.elsewhere))

    @property
    def is_plain(self) -> bool:
        """Whether most trials with the value failed so, and of the others at most half as many."""
        share = self.count / self.trials
        seldom = self.elsewhere / self.others <= MOST_OTHERS * share
        return self.count >= FEWEST and 2 * self.count >= self.trials and seldom

    def _chance(self, count: int) -> float:
        whole, alike = self.trials + self.others, self.count + self.elsewhere
        return float(hypergeom.sf(count - 1, whole, alike, self.trials))


def failing_values(facts: Facts) -> list[FailingValue]:
    """What the test tells from chance, in the order of the settings; for a value one reason."""
    made = [one for one in _compared(facts) if one.least_p <= LEVEL]
    sure: set[FailingValue] = set()
    for place, one in enumerate(sorted(made, key=lambda one: one.p)):
        if one.p * (len(made) - place) > LEVEL:  # Holm
            break
        sure.add(one)
    found: dict[str, FailingValue] = {}
    for one in sorted(made, key=lambda one: -one.count):
        if one in sure and one.is_plain:
            found.setdefault(one.name, one)
    return [one for one in made if found.get(one.name) is one]


def _compared(facts: Facts) -> Iterator[FailingValue]:
    bad = {trial.number: short_reason(trial) for trial in (*facts.failed, *facts.infeasible)}
    ended = [*facts.complete, *facts.pruned, *facts.failed, *facts.infeasible]
    for field in facts.config.optuna.search_space if bad else ():
        tried: dict[object, list[FrozenTrial]] = defaultdict(list)
        for trial in ended:
            if field in trial.params:
                tried[trial.params[field]].append(trial)
        whole = sum(map(len, tried.values()))
        reasons = Counter(bad[t.number] for ts in tried.values() for t in ts if t.number in bad)
        for value, trials in tried.items() if 1 < len(tried) <= MOST_VALUES else ():
            here = Counter(bad[trial.number] for trial in trials if trial.number in bad)
            for reason, count in reasons.items():
                yield FailingValue(
                    name=f"{last_part(field)} {short(value)}",
                    reason=reason,
                    count=here[reason],
                    trials=len(trials),
                    elsewhere=count - here[reason],
                    others=whole - len(trials),
                )
