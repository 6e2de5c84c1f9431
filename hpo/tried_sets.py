"""Which parameter sets a study has tried, in a form that compares safely.

Every trial that has begun counts, whatever became of it; what only waits in the queue does not.
"""

from collections.abc import Mapping

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from config.space import SearchSpace, combinations, is_active, ordered
from hpo.suggest import distributions, holds

Key = frozenset[tuple[str, object]]


def untried(study: Study, space: SearchSpace) -> int | None:
    """How many combinations no trial has begun; None when the space is infinite."""
    size = combinations(space)
    if size is None:
        return None
    return max(size - TriedSets(space).count(study), 0)


class TriedSets:
    """The parameter sets of a study's trials, in a form that compares safely."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._distributions = distributions(space)
        self._finished: dict[int, Key] = {}
        self._first: set[Key] = set()  # of the trials before the first unfinished one
        self._first_trials = 0

    def of(self, study: Study, *, but: int | None = None) -> set[Key]:
        """Sets of every trial that has begun, whatever became of it, except number `but`."""
        trials = _trials(study)
        while self._first_trials < len(trials):
            trial = trials[self._first_trials]
            if not trial.state.is_finished() or trial.number == but:
                break
            self._first.add(self._key_of(trial))
            self._first_trials += 1
        later = trials[self._first_trials :]
        return self._first.union(
            self._key_of(trial) for trial in later if _has_begun(trial) and trial.number != but
        )

    def key(self, params: Mapping[str, object]) -> Key:
        """A set's identity: 8 and 8.0 are one value of an integer, 1 and True two choices."""
        return frozenset(
            (name, _identity(self._distributions[name], value))
            for name, value in params.items()
            if name in self._distributions
        )

    def active(self, values: Mapping[str, object]) -> dict[str, object]:
        """The part of a full assignment that its own conditions let through."""
        chosen: dict[str, object] = {}
        for name, entry in ordered(self._space):
            if is_active(entry, chosen):
                chosen[name] = values[name]
        return chosen

    def count(self, study: Study) -> int:
        """How many different sets inside the space the study's trials have begun."""
        begun = _begun(study)
        return len({self._key_of(trial) for trial in begun if self._is_whole(trial.params)})

    def _is_whole(self, params: Mapping[str, object]) -> bool:
        """Whether the set is one of the space's combinations: complete, and every value in it."""
        inside = {name: value for name, value in params.items() if name in self._space}
        chosen: dict[str, object] = {}
        for name, entry in ordered(self._space):
            if not is_active(entry, chosen):
                continue
            if name not in inside or not holds(self._distributions[name], inside[name]):
                return False
            chosen[name] = inside[name]
        return len(chosen) == len(inside)

    def _key_of(self, trial: FrozenTrial) -> Key:
        if trial.number in self._finished:
            return self._finished[trial.number]
        key = self.key(trial.params)
        if trial.state.is_finished():
            self._finished[trial.number] = key
        return key


def _begun(study: Study) -> list[FrozenTrial]:
    return [trial for trial in _trials(study) if _has_begun(trial)]


def _trials(study: Study) -> list[FrozenTrial]:
    # From the storage: under Hyperband the study given to a sampler shows one bracket only.
    return study._storage.get_all_trials(study._study_id, deepcopy=False)  # noqa: SLF001


def _has_begun(trial: FrozenTrial) -> bool:
    return trial.state != TrialState.WAITING


def _identity(dist: BaseDistribution, value: object) -> object:
    """A value as its distribution counts it; one from outside the distribution as its text."""
    if not holds(dist, value):
        return repr(value)
    internal = dist.to_internal_repr(value)
    if isinstance(dist, FloatDistribution) and dist.step is not None:
        return round((internal - dist.low) / dist.step)  # 0.1 + 0.2 and 0.3 are one value
    return internal
