import pytest
from optuna.pruners import BasePruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler, TPESampler
from optuna.trial import TrialState
from typing_extensions import override

from benchmarks.search.curves import Curve, Task
from benchmarks.search.methods import OUR_SEARCH, search_methods
from benchmarks.search.replay import OptunaMethod, Search, Unpruned, drawn, run
from config.space import CategoricalEntry, FloatEntry

SPACE = {"rate": FloatEntry(low=0.0, high=1.0), "batch": CategoricalEntry(choices=(4, 8))}


def task(*rows: tuple[float, ...], diverged: tuple[int, ...] = ()) -> Task:
    curves = tuple(
        Curve({"rate": n / len(rows), "batch": 4 + 4 * (n % 2)}, row, diverged=n in diverged)
        for n, row in enumerate(rows)
    )
    return Task("made-up", SPACE, curves, epochs=max(map(len, rows)), held_out=False)


def rising(n: int, *, epochs: int = 9) -> Task:
    return task(*(tuple((i + 1) * step / epochs for step in range(epochs)) for i in range(n)))


class AtSecond(BasePruner):
    """Stops everything at its second evaluation, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    @override
    def prune(self, study, trial):
        self.asked.append((trial.number, trial.last_step))
        return trial.last_step == 2


def replay(task: Task, *, pruner: BasePruner, workers: int, n_trials: int, seed: int) -> Search:
    method = OptunaMethod(task, sampler=None, pruner=pruner, seed=seed)
    return run(task, method, workers=workers, n_trials=n_trials)


def test_without_pruning_every_evaluation_is_paid_and_the_best_is_kept():
    search = replay(rising(12), pruner=NopPruner(), workers=4, n_trials=10, seed=1)

    assert search.epochs == search.unpruned_epochs == 90
    assert search.kept
    assert search.time == 9 * 3  # ten trials on four workers


def test_workers_take_turns_and_steps_count_from_1():
    pruner = AtSecond()

    search = replay(rising(3), pruner=pruner, workers=2, n_trials=3, seed=0)

    assert pruner.asked == [(0, 1), (1, 1), (0, 2), (1, 2), (2, 1), (2, 2)]
    assert search.epochs == 6
    assert not search.kept
    assert search.delivered == []


def test_last_evaluation_is_never_pruned():
    search = replay(rising(3, epochs=2), pruner=AtSecond(), workers=1, n_trials=3, seed=0)

    assert all(trial.complete for trial in search.trials)


def test_diverged_trial_is_told_as_the_worker_tells_it_and_never_wins():
    made = task((0.9,), (0.1, 0.2), (0.1, 0.3), diverged=(0,))
    method = OptunaMethod(made, sampler=None, pruner=NopPruner(), seed=0)

    search = run(made, method, workers=1, n_trials=3)

    ended = next(t for t in method.study.trials if t.params == made.curves[0].params)
    assert ended.state is TrialState.PRUNED
    assert ended.constraints == {"divergence": 1.0}
    assert search.unpruned_best == search.best == 0.3
    assert search.epochs == 2 + 2 + 2
    assert max(one.value for one in search.seen) == 0.3


def test_every_pruner_meets_the_same_configurations_in_the_same_order():
    halving = SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    one = replay(rising(30), pruner=NopPruner(), workers=1, n_trials=20, seed=5)
    other = replay(rising(30), pruner=halving, workers=1, n_trials=20, seed=5)

    assert [trial.curve for trial in one.trials] == [trial.curve for trial in other.trials]
    assert [trial.curve for trial in one.trials] == drawn(rising(30), 5)[:20]
    assert other.epochs < one.epochs


def test_random_search_without_pruning_is_what_a_study_that_prunes_nothing_makes_of_it():
    made = task((0.9, 0.1), (0.1, 0.2), (0.1, 0.3), (0.5, 0.4), diverged=(0,))

    on_a_study = replay(made, pruner=NopPruner(), workers=2, n_trials=4, seed=3)

    assert run(made, Unpruned(made, seed=3), workers=2, n_trials=4) == on_a_study


def test_incumbent_is_known_only_once_it_was_paid_for():
    made = rising(1, epochs=3)
    search = replay(made, pruner=NopPruner(), workers=1, n_trials=1, seed=0)

    assert [(one.epochs, one.value) for one in search.delivered] == [(3, made.best)]
    assert [one.epochs for one in search.seen] == [1, 2, 3]


def test_sampler_learns_from_what_was_really_tried_and_nothing_is_tried_twice():
    made = rising(20)
    method = OptunaMethod(made, sampler=TPESampler(seed=0), pruner=NopPruner(), seed=0)

    search = run(made, method, workers=2, n_trials=20)

    tried = [trial.params for trial in method.study.trials]
    assert sorted(trial.curve for trial in search.trials) == list(range(20))
    assert all(params in [curve.params for curve in made.curves] for params in tried)


def test_nearest_recorded_configuration_is_used():
    made = rising(50)
    rates = [curve.params["rate"] for curve in made.curves]
    sampler = RandomSampler(seed=3)
    method = OptunaMethod(made, sampler=sampler, pruner=NopPruner(), seed=0)

    run(made, method, workers=1, n_trials=1)

    proposed = RandomSampler(seed=3)._rng.rng  # what the sampler drew first
    assert method.study.trials[0].params["rate"] == pytest.approx(proposed.uniform(0, 1), abs=0.05)
    assert method.study.trials[0].params["rate"] in rates


def test_our_own_sampler_and_pruner_run_on_a_task_of_another_space():
    made = rising(30)

    search = run(made, search_methods()[OUR_SEARCH](made, 1), workers=8, n_trials=20)

    assert len(search.trials) == 20
