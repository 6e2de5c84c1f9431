"""What the runs of a companion study say of each candidate.

The run that chose a candidate counts for nothing here: of many noisy scores the highest are those
whose noise was lucky, so it is too high on average.
"""

import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial

from hpo import study as studies
from hpo.confirm.companion import CONFIRMS, FEWEST, SEED, find_companion, without_seed
from hpo.confirm.posterior import Posterior, posterior
from hpo.errors import HpoError
from hpo.own_trials import OwnTrials
from hpo.pinned import Pinned
from hpo.suggest import fixed_params
from storage.connect import Database

SURE = 0.95
DIGITS = 2  # of a probability, beyond which its draws are noise
FEWEST_RUNS = 2  # of a winner: one alone is what was to be confirmed


@dataclass(frozen=True)
class Candidate:
    """A trial of the search with its runs: `values` by seed, `failed` and `left` without one.

    `single` is the value that chose it; None where the search does not have it any more.
    """

    number: int
    params: Mapping[str, object]
    single: float | None
    values: Mapping[int, float] = field(default_factory=dict)
    failed: int = 0
    left: int = 0

    @property
    def mean(self) -> float | None:
        """The mean of its runs; None before the first has completed."""
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def sd(self) -> float | None:
        """The SD of its runs; None before the second has completed."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Results:
    """Every candidate, the highest mean first, and how probable it is that each is the best."""

    study: str
    candidates: tuple[Candidate, ...]
    posterior: Posterior | None

    @property
    def winner(self) -> Candidate | None:
        """The highest mean of at least two runs; None before there is one."""
        enough = (c for c in self.candidates if len(c.values) >= FEWEST_RUNS)
        return next(enough, None)

    @property
    def probabilities(self) -> Mapping[int, float]:
        """The probability of each trial's number that has a run.

        Empty before two have one, or none has two.
        """
        ran = [candidate for candidate in self.candidates if candidate.values]
        if self.posterior is None or len(ran) < FEWEST:
            return {}
        best = zip(self.candidates, self.posterior.best, strict=True)
        return {candidate.number: chance for candidate, chance in best if candidate.values}

    @property
    def expected(self) -> Mapping[int, float | None]:
        """What another seed is expected to give each trial's number; empty if none has two runs."""
        if self.posterior is None:
            return {}
        return {c.number: e for c, e in zip(self.candidates, self.posterior.expected, strict=True)}

    @property
    def leaders(self) -> tuple[Candidate, ...]:
        """The fewest candidates that hold the best with probability SURE."""
        chances = self.probabilities
        found: set[int] = set()
        for number in sorted(chances, key=lambda number: -round(chances[number], DIGITS)):
            if sum(chances[one] for one in found) < SURE:
                found.add(number)
        return tuple(candidate for candidate in self.candidates if candidate.number in found)


def read_results(database: Database, name: str, pinned: Pinned) -> Results | None:
    """The confirmation of a study as far as its runs have come; None where there is none."""
    companion = find_companion(database, name, pinned)
    if companion is None:
        return None
    search = optuna.load_study(study_name=name, storage=database.storage)
    single = {t.number: t.values[0] for t in search.get_trials(deepcopy=False) if t.values}
    study = optuna.load_study(study_name=companion, storage=database.storage)
    own = studies.own_trials(database, companion)
    candidates = sorted(
        _candidates(study.get_trials(deepcopy=False), single, own),
        key=lambda c: (c.mean is None, -(c.mean or 0.0), c.number),
    )
    return Results(
        companion, tuple(candidates), posterior([tuple(c.values.values()) for c in candidates])
    )


def winning_run(database: Database, results: Results) -> tuple[Candidate, FrozenTrial]:
    """The winner and its best run, whose seed trains to the run's own score; HpoError before it."""
    winner = results.winner
    if winner is None:
        raise HpoError(
            f"no candidate of {results.study!r} has two completed runs yet;"
            f" next: hpo worker --study {shlex.quote(results.study)}"
        )
    study = optuna.load_study(study_name=results.study, storage=database.storage)
    own = studies.own_trials(database, results.study)
    runs = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if own.can_win(trial) and without_seed(trial.params) == without_seed(winner.params)
    ]
    return winner, max(runs, key=lambda trial: (trial.values[0], -trial.number))


def _candidates(
    trials: Sequence[FrozenTrial], single: Mapping[int, float], own: OwnTrials
) -> Iterator[Candidate]:
    groups: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        groups.setdefault(without_seed(_parameters(trial)), []).append(trial)
    for runs in groups.values():
        # A retry has the parameters of the run that failed, and no mark.
        numbers = [run.user_attrs[CONFIRMS] for run in runs if CONFIRMS in run.user_attrs]
        if numbers:
            yield _candidate(int(numbers[0]), runs, single.get(int(numbers[0])), own)


def _candidate(
    number: int, runs: Sequence[FrozenTrial], single: float | None, own: OwnTrials
) -> Candidate:
    """One candidate; a seed that ran twice counts once, since both runs are the same training."""
    params = {k: v for k, v in _parameters(runs[0]).items() if k != SEED}
    values: dict[int, float] = {}
    for run in runs:
        if own.can_win(run):
            values.setdefault(run.params[SEED], float(run.values[0]))
    open_seeds = [run for run in runs if _parameters(run).get(SEED) not in values]
    left = {_parameters(run).get(SEED) for run in open_seeds if not run.state.is_finished()}
    failed = {_parameters(run).get(SEED) for run in open_seeds} - left
    return Candidate(number, params, single, values, len(failed), len(left))


def _parameters(trial: FrozenTrial) -> dict[str, object]:
    return {**fixed_params(trial.system_attrs), **trial.params}


def confirmed(database: Database, name: str) -> tuple[Pinned, Results]:
    """The study's pin and its confirmation; HpoError where none was asked for."""
    pinned = studies.read(database, name)
    results = read_results(database, name, pinned)
    if results is None:
        raise HpoError(
            f"the best trials of study {name!r} were not run again yet;"
            f" next: hpo confirm --study {shlex.quote(name)}"
        )
    return pinned, results
