"""Stops a trial that would not reach the best one, were its curve to go on as well as it may.

The forecast is meant to be too high. It starts from the best evaluation so far, or from the line
through the latest ones where that is higher. From there it rises with the slope of that line, which
fades as curves of this study do (hpo.bending), and with the benefit of the doubt on both: noise may
hide a steeper slope, and a curve may fade less than others. A trial is stopped when all that stays
below what another trial has reached already, and does so without its last evaluation too: one noisy
evaluation stops nobody, and nor does a slow start that still rises.

Places among the latest trials at the same step overrule it. The first tenth, after s evaluations
the first 2.5/s, go on in any case, for a flat curve may rise late; after three evaluations, the
least that say anything of noise, three tenths do. Who is two places or more behind the first 2.5/s
is stopped even if its forecast is high: that many noisy curves all promise the best. A curve that
fell and climbs again has neither place nor forecast, and is judged by its climb (hpo.recovering).

It writes nothing and decides by what is stored alone: every process decides the same. Why this and
not Optuna's pruners: docs/decisions/0022.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from optuna.pruners import BasePruner
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial
from typing_extensions import override

from hpo.bending import Expected, expected_bend, stretch
from hpo.curve_ledger import Behaviour, CurveLedger, Leader, Ledgers
from hpo.learning_curve import RECENT, LearningCurve, Line, offset
from hpo.own_trials import OwnTrials
from hpo.recovering import may_recover

LEAST_EVALUATIONS = 3  # before which a curve has no noise
FOREMOST = 0.1  # share of the trials that goes on whatever its forecast
FOREMOST_AT_FIRST = 0.3  # the same while a curve has the least evaluations
STAYING = 2.5  # over the evaluations: share of the trials that goes on, where it is less
CLOSE = 2  # places behind that share up to where a forecast counts
USUAL_NOISE = 4  # second differences of a curve's own that the noise of the others weighs


@dataclass(frozen=True)
class Forecast:
    """Why a trial is stopped, as it was reported (less is better where the study minimizes).

    At best it would come to `reach`, and trial `leader` has come to `best` already. `so_far` and
    `reach` are None where no valid value was reported. `place` and `of` are the trial's place at
    its step, of how many, where it is stopped for that, whatever its reach; else None.
    """

    step: int
    so_far: float | None
    reach: float | None
    leader: int
    best: float
    place: int | None = None
    of: int | None = None


class ExtrapolationPruner(BasePruner):
    """Extrapolates each curve to `last_step` of its trial, with what all curves so far show.

    `n_warmup_steps`: no trial is stopped before this evaluation, nor before its third.
    `standard_errors`: the benefit of the doubt, 1 for about the best of 6 curves alike.
    `own` are the trials whose curves count; None: every trial's.
    """

    def __init__(
        self,
        last_step: Callable[[FrozenTrial], int],
        *,
        n_warmup_steps: int,
        standard_errors: float,
        own: OwnTrials | None = None,
    ) -> None:
        self._last_step = last_step
        self._n_warmup_steps = n_warmup_steps
        self._standard_errors = standard_errors
        self._ledgers = Ledgers(own)

    @override
    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return self.forecast(study, trial) is not None

    def forecast(self, study: Study, trial: FrozenTrial) -> Forecast | None:
        """What the trial would come to if it is to be stopped; None where it goes on."""
        reports, last = len(trial.intermediate_values), trial.last_step
        if last is None or reports < LEAST_EVALUATIONS:
            return None
        if last + offset(trial) < self._n_warmup_steps:
            return None
        if last == self._last_step(trial):  # stopping would save nothing
            return None
        sign = -1.0 if study.direction is StudyDirection.MINIMIZE else 1.0
        trials = study.get_trials(deepcopy=False)
        curve = LearningCurve.of(trial, sign=sign)
        with self._ledgers.lock:
            ledger = self._ledgers.of(study, trials, sign=sign)
            leader = ledger.leader(without=trial.number)
            if leader is None or (len(curve) and curve.best[-1] >= leader.best):
                return None
            if not len(curve):
                return Forecast(last, None, None, leader.number, sign * leader.best)
            return self._judge(trial, curve, ledger, leader, sign=sign)

    def _judge(
        self,
        trial: FrozenTrial,
        curve: LearningCurve,
        ledger: CurveLedger,
        leader: Leader,
        *,
        sign: float,
    ) -> Forecast | None:
        step, last = curve.steps[-1], self._last_step(trial) + offset(trial)
        if len(curve) < LEAST_EVALUATIONS:
            return None
        place, of = ledger.standing(curve, without=trial.number)
        staying = of * STAYING / len(trial.intermediate_values)  # a step may be many batches
        foremost = FOREMOST if len(curve) > LEAST_EVALUATIONS else FOREMOST_AT_FIRST
        if place <= min(of * foremost, staying):
            return None
        behaviour = ledger.behaviour(step, own=(trial.number, curve))
        if may_recover(curve, best=leader.best, last=last, noise=behaviour.noise):
            return None
        reaches = self._reaches(curve, behaviour, last=last)
        promising = not all(reach < leader.best for reach in reaches)  # also where it is no number
        if promising and place <= staying + CLOSE:
            return None
        behind = (place, of) if promising else (None, None)
        so_far, best = curve.best[-1], sign * leader.best
        reach = max(filter(math.isfinite, (so_far, *reaches)))
        return Forecast(
            trial.last_step or 0, sign * so_far, sign * reach, leader.number, best, *behind
        )

    def _reaches(
        self, curve: LearningCurve, behaviour: Behaviour, *, last: int
    ) -> tuple[float, float]:
        """The most that the curve would come to by `last`, with its last evaluation and without."""
        count = len(curve)
        noise = _pooled(curve.noise(count), count - 2, usual=behaviour.noise)
        bend = expected_bend(behaviour.bends)

        def reach(known: int) -> float:
            line, step = curve.line(known), curve.steps[known - 1]
            gain = self._gain(line, step, last=last, noise=noise, bend=bend)
            return max(curve.best[-1], line.level) + gain

        return reach(count), reach(count - 1)

    def _gain(self, line: Line, step: int, *, last: int, noise: float, bend: Expected) -> float:
        """The most that the line would gain from `step` to `last`; the two doubts independent."""
        ratio, least = max(last / step, 1.0), bend.least(self._standard_errors)
        usual = step * stretch(ratio, max(bend.mean, least))
        hidden = self._standard_errors * line.error * noise * usual
        unfading = max(line.slope, 0.0) * (step * stretch(ratio, least) - usual)
        return max(line.slope * usual + math.hypot(hidden, unfading), 0.0)


def _pooled(own: float, differences: int, *, usual: float) -> float:
    """The noise of a curve, from its own second differences and what is usual for others."""
    weight = min(differences, RECENT)
    # Not own**2: where that is too large for a number, Python raises.
    squares = weight * (own * own) + USUAL_NOISE * (usual * usual)
    return math.sqrt(squares / (weight + USUAL_NOISE))
