"""Which trials of a study are its own: those that hpo trains in it, with its settings and data.

Any program may add trials to a study. Those without hpo's record it told; those that say another
study's key it brought from there. A copy of a whole study has the study's key, and with it the
settings and the data. Why the others never win: docs/decisions/0040.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from optuna.study import Study
from optuna.trial import FrozenTrial

from hpo.trial_record import BEST_EPOCH, Best, as_best, ended_by_hpo, has_value

STUDY = "hpo:study"
"""User attribute of a trial: the key of the study that hpo began it in."""


@dataclass(frozen=True)
class OwnTrials:
    """Tells a study's own trials from others by the study's `key`.

    Earlier versions wrote no key to a trial: one that they ended counts as the study's own.
    """

    key: str

    def has(self, trial: FrozenTrial) -> bool:
        """Whether hpo trains or trained the trial in this study, or in the one it is a copy of."""
        begun_in = trial.user_attrs.get(STUDY)
        return ended_by_hpo(trial) if begun_in is None else begun_in == self.key

    def ended(self, trial: FrozenTrial) -> bool:
        """Whether it is such a trial, and hpo ended its training itself."""
        return ended_by_hpo(trial) and self.has(trial)

    def can_win(self, trial: FrozenTrial) -> bool:
        """Whether hpo trained the trial to a value in this study, and it violates no constraint.

        The epoch of the best evaluation is written by whoever trained it, in the transaction that
        ends it: the value of any other trial need not be reached again.
        """
        return BEST_EPOCH in trial.user_attrs and has_value(trial) and self.has(trial)

    def is_brought(self, trial: FrozenTrial) -> bool:
        """Whether hpo began the trial in another study, from which it was brought here."""
        return bool(trial.user_attrs.get(STUDY, self.key) != self.key)

    def is_foreign(self, trial: FrozenTrial) -> bool:
        """Whether the trial has a value, told or brought, with which it cannot win here."""
        return has_value(trial) and not self.can_win(trial)

    def highest(self, trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
        """The one with the highest value of those that can win, the earliest of equals."""
        return min(filter(self.can_win, trials), key=_rank, default=None)

    def highest_foreign(self, trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
        """The same of those that have a value and cannot win."""
        return min(filter(self.is_foreign, trials), key=_rank, default=None)

    def ranked(self, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
        """Those that can win, the best first, of equals the earliest."""
        return sorted(filter(self.can_win, trials), key=_rank)

    def best(self, study: Study) -> Best | None:
        """The study's winner; None before the first trial that hpo has trained to its end."""
        best = self.highest(study.get_trials(deepcopy=False))
        return None if best is None else as_best(best)


def _rank(trial: FrozenTrial) -> tuple[float, int]:
    return -trial.values[0], trial.number
