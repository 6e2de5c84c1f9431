"""How much a value of the metric moves by chance, and from what that is known."""

import math
import statistics
from dataclasses import dataclass

from scipy.stats import norm, t

from config.counting import counted
from hpo.learning_curve import LearningCurve
from hpo.report.document import Section, Text
from hpo.report.facts import Facts

ENOUGH_EVALUATIONS = 10  # of a curve whose beginning, where it bends, hardly counts
FEWEST_EVALUATIONS = 5  # three second differences
FEWEST_CURVES = 3
BY_CHANCE = 0.05  # how often two values of one mean may be called apart


@dataclass(frozen=True)
class Noise:
    """Standard deviation of one value; `seeds`: between seeds, else within curves.

    degrees: of freedom that the estimate has; None where they are not known, and taken as many.
    """

    sd: float
    seeds: bool
    how: str
    degrees: int | None = None

    @property
    def gap(self) -> float:
        """Two values less apart than this cannot be told apart, by a two-sided t test."""
        ends = norm if self.degrees is None else t(self.degrees)
        return float(ends.ppf(1 - BY_CHANCE / 2)) * math.sqrt(2) * self.sd


def noise_of(facts: Facts) -> Noise | None:
    """The noise of the metric; None where nothing tells of it."""
    return _of_seeds(facts) or _of_curves(facts)


def noise(facts: Facts) -> Section:
    """What is known of the noise, as a section."""
    found = noise_of(facts)
    if found is None:
        text = (
            f"Not known: no reruns under other seeds, and fewer than {FEWEST_CURVES}"
            f" trials with {FEWEST_EVALUATIONS} evaluations."
        )
    else:
        text = (
            f"Standard deviation of one value: about {found.sd:.4f}, {found.how}. Two values less"
            f" than {found.gap:.4f} apart are not told apart by it."
        )
    return Section("Noise of the metric", (Text(text),))


def _of_seeds(facts: Facts) -> Noise | None:
    results = facts.confirmed
    if results is None or results.posterior is None:
        return None
    found = results.posterior
    how = (
        f"from runs of {counted(sum(bool(c.values) for c in results.candidates), 'trial')} under"
        f" further seeds ({counted(found.degrees, 'degree')} of freedom)"
    )
    return Noise(found.sd, seeds=True, how=how, degrees=found.degrees)


def _of_curves(facts: Facts) -> Noise | None:
    curves = [LearningCurve.of(trial, sign=1) for trial in (*facts.complete, *facts.pruned)]
    for least in (ENOUGH_EVALUATIONS, FEWEST_EVALUATIONS):
        long = [curve for curve in curves if len(curve) >= least]
        if len(long) >= FEWEST_CURVES:
            break
    else:
        return None
    sd = statistics.median(curve.noise(len(curve)) for curve in long)
    bends = ", and the bends of such short curves count as noise" * (least < ENOUGH_EVALUATIONS)
    how = (
        f"from how unevenly the curves of {len(long)} trials with at least {least} evaluations go"
        f" (their second differences), not from reruns: seeds can move a value more{bends}"
    )
    return Noise(sd, seeds=False, how=how)
