"""A search replayed on recorded curves, in virtual time, on a real Optuna study in memory.

W workers ask, report, prune and tell in the order in which they would have: each evaluation takes
one unit of time. Trials end as in an `hpo worker`: steps count from 1, the answer after the last
evaluation is not acted on, and a diverged trial is told PRUNED with a violated constraint and never
wins (docs/decisions/0014).
"""

import heapq
import math
import random
import warnings
from dataclasses import dataclass, field
from typing import Protocol

import optuna
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import Trial, TrialState, create_trial

from benchmarks.search.curves import Curve, Task
from benchmarks.search.nearest import NearestRecorded
from hpo.infeasible import VIOLATED
from hpo.suggest import distributions, suggest


class Method(Protocol):
    """A whole method of search, as a worker meets it; curves are numbered as in the task."""

    def ask(self) -> tuple[int, int]:
        """Begin a trial: its handle and the number of its curve."""

    def report(self, trial: int, step: int, score: float) -> bool:
        """Tell of an evaluation; whether the trial is to be stopped."""

    def end(self, trial: int, value: float | None, *, diverged: bool) -> None:
        """Tell how a trial ended: its best evaluation, or None for one that was stopped."""


@dataclass(frozen=True)
class Incumbent:
    """The best value known when `epochs` evaluations had been paid for."""

    epochs: int
    value: float


@dataclass(frozen=True)
class Ended:
    """A trial that has ended: the number of its curve, and how far it came."""

    curve: int
    epochs: int
    complete: bool


@dataclass
class Search:
    """What a replayed search came to.

    `delivered` follows the best finished trial, what `hpo best` would give at that moment; `seen`
    follows the best evaluation of any trial that has not diverged, stopped ones included.
    """

    task: Task
    trials: list[Ended] = field(default_factory=list)
    delivered: list[Incumbent] = field(default_factory=list)
    seen: list[Incumbent] = field(default_factory=list)
    epochs: int = 0
    time: int = 0

    @property
    def unpruned_epochs(self) -> int:
        """What the same configurations cost without pruning."""
        return sum(self.task.curves[trial.curve].epochs for trial in self.trials)

    @property
    def unpruned_best(self) -> float:
        """The value that the same configurations reach without pruning."""
        return max(self.task.curves[trial.curve].value for trial in self.trials)

    @property
    def kept(self) -> bool:
        """Whether the best configuration of the unpruned search was trained to its end."""
        return self.best >= self.unpruned_best

    @property
    def best(self) -> float:
        """The value of the best finished trial; minus infinity where none has finished."""
        return self.delivered[-1].value if self.delivered else -math.inf

    @property
    def winner(self) -> int | None:
        """The number of the best finished trial's curve; None where none has finished."""
        finished = [trial.curve for trial in self.trials if trial.complete]
        return max(finished, key=lambda n: self.task.curves[n].value, default=None)


class Unpruned:
    """Random search without pruning, which needs no study."""

    def __init__(self, task: Task, *, seed: int) -> None:
        self._order = drawn(task, seed)
        self._begun = 0

    def ask(self) -> tuple[int, int]:
        """Begin the next trial of the seed's order."""
        self._begun += 1
        return self._begun - 1, self._order[self._begun - 1]

    def report(self, trial: int, step: int, score: float) -> bool:
        """Go on, whatever the score."""
        del trial, step, score
        return False

    def end(self, trial: int, value: float | None, *, diverged: bool) -> None:
        """Nothing is learned."""


def drawn(task: Task, seed: int) -> list[int]:
    """The order in which a random search meets the task's configurations."""
    order = list(range(len(task.curves)))
    random.Random(f"{task.name}:{seed}").shuffle(order)
    return order


def run(task: Task, method: Method, *, workers: int, n_trials: int) -> Search:
    """Let the workers go through `n_trials` trials of the method."""
    search = Search(task)
    running: list[tuple[int, int, int, int, int]] = []  # when, worker, trial, curve, step
    begun = 0

    def begin(worker: int) -> None:
        nonlocal begun
        if begun < n_trials:
            begun += 1
            trial, curve = method.ask()
            heapq.heappush(running, (search.time + 1, worker, trial, curve, 1))

    for worker in range(workers):
        begin(worker)
    while running:
        search.time, worker, trial, curve, step = heapq.heappop(running)
        search.epochs += 1
        if _evaluate(search, method, trial, curve, step):
            begin(worker)
        else:
            heapq.heappush(running, (search.time + 1, worker, trial, curve, step + 1))
    return search


def _evaluate(search: Search, method: Method, trial: int, number: int, step: int) -> bool:
    """Pass one evaluation on; whether the trial has ended by it."""
    curve = search.task.curves[number]
    if step > len(curve.scores):
        method.end(trial, None, diverged=True)
        search.trials.append(Ended(number, step, complete=False))
        return True
    stop = method.report(trial, step, curve.scores[step - 1])
    if not curve.diverged:
        _note(search, search.seen, curve.scores[step - 1])
    if step == curve.epochs:
        method.end(trial, curve.value, diverged=False)
        search.trials.append(Ended(number, step, complete=True))
        _note(search, search.delivered, curve.value)
        return True
    if stop:
        method.end(trial, None, diverged=False)
        search.trials.append(Ended(number, step, complete=False))
    return stop


def _note(search: Search, incumbents: list[Incumbent], value: float) -> None:
    if not incumbents or value > incumbents[-1].value:
        incumbents.append(Incumbent(search.epochs, value))


class OptunaMethod:
    """A sampler and a pruner on a study of their own, as an `hpo worker` uses them."""

    def __init__(
        self, task: Task, *, sampler: BaseSampler | None, pruner: BasePruner, seed: int
    ) -> None:
        self._task = task
        self._order = drawn(task, seed)
        self._nearest = None if sampler is None else NearestRecorded(sampler, task)
        self._distributions = distributions(task.space)
        self.study = _study(
            f"{task.name}-{seed}", self._nearest or RandomSampler(seed=seed), pruner
        )
        self._trials: dict[int, Trial] = {}

    def ask(self) -> tuple[int, int]:
        """Begin a trial with the parameters of a recorded configuration."""
        if self._nearest is None:
            curve = self._order[len(self.study.get_trials(deepcopy=False))]
            trial = self._begin(self._task.curves[curve])
        else:
            trial = self.study.ask()
            curve = self._nearest.number_of(suggest(trial, self._task.space))
        self._trials[trial.number] = trial
        return trial.number, curve

    def _begin(self, curve: Curve) -> Trial:
        """Begin a trial whose parameters are known: a third of the time of enqueue and ask."""
        template = create_trial(
            state=TrialState.RUNNING,
            params=dict(curve.params),
            distributions=self._distributions,
        )
        storage, study_id = self.study._storage, self.study._study_id  # noqa: SLF001
        return Trial(self.study, storage.create_new_trial(study_id, template_trial=template))

    def report(self, trial: int, step: int, score: float) -> bool:
        """Report to the study and ask the pruner, as after every evaluation."""
        running = self._trials[trial]
        running.report(score, step)
        return running.should_prune()

    def end(self, trial: int, value: float | None, *, diverged: bool) -> None:
        """Tell the study."""
        ended = self._trials.pop(trial)
        if diverged:
            ended.set_constraint("divergence", VIOLATED)
        state = TrialState.PRUNED if value is None else TrialState.COMPLETE
        self.study.tell(ended, value, state=state)


def _study(name: str, sampler: BaseSampler, pruner: BasePruner) -> Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        return optuna.create_study(
            study_name=name, direction="maximize", sampler=sampler, pruner=pruner
        )
