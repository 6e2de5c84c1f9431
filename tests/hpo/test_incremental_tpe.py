"""TPE that keeps what it knows of ended trials: every draw is Optuna's own, to the last bit."""

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.pruners import BasePruner, HyperbandPruner, NopPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from hpo import incremental_tpe
from hpo.incremental_tpe import IncrementalTPESampler

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")

OPTIONS: dict[str, Any] = {
    "seed": 3,
    "n_startup_trials": 5,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,
}
TRIALS = 60


@dataclass(frozen=True)
class Ends:
    """How the trials of a search end: in these states, and how many of them violate something."""

    states: tuple[TrialState, ...] = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    violated: float = 0.15


ANY = Ends()


def draw(trial: Trial) -> None:
    """Every kind of parameter, and two that only some trials have."""
    trial.suggest_float("rate", 1e-5, 1e-3, log=True)
    trial.suggest_float("decay", 0, 0.1 if trial.number < TRIALS / 2 else 0.2)  # extended
    trial.suggest_float("dropout", 0, 0.5, step=0.05)
    trial.suggest_int("epochs", 3, 30, step=3)
    trial.suggest_int("batch", 4, 64, log=True)
    if trial.suggest_categorical("schedule", ["linear", "cosine", None]) == "cosine":
        trial.suggest_float("warmup", 0, 0.2)
    else:
        trial.suggest_int("cycles", 1, 4)


def end(study: Study, trial: Trial, ends: Ends, chance: random.Random) -> None:
    """One of the ends, often with the value of another trial."""
    value = chance.choice([0.1, 0.2, 0.3, chance.random(), chance.random(), math.inf])
    for step in range(1, chance.randrange(5)):
        trial.report(chance.choice([value, chance.random(), math.nan, -math.inf]), step)
    violated = chance.random() < ends.violated
    trial.set_constraint("memory", chance.choice([0.5, 1.0, 2.0]) if violated else -1.0)
    state = chance.choice(ends.states)
    study.tell(trial, value if state is TrialState.COMPLETE else None, state=state)


def search(
    sampler: BaseSampler,
    *,
    pruner: BasePruner | None = None,
    direction: str = "maximize",
    ends: Ends = ANY,
    seed: int = 0,
) -> list[Mapping[str, Any]]:
    """Draws of a search with up to four trials at once that end in any order."""
    chance = random.Random(seed)
    study = optuna.create_study(
        study_name="the brackets go by the name",
        direction=direction,
        sampler=sampler,
        pruner=pruner or NopPruner(),
    )
    running: list[Trial] = []
    drawn = []
    for _ in range(TRIALS):
        running.append(study.ask())
        if chance.random() < 0.9:  # else the next ones are drawn before its parameters are stored
            draw(running[-1])
        drawn.append(running[-1].params)
        while len(running) > 4 or (running and chance.random() < 0.5):
            end(study, running.pop(chance.randrange(len(running))), ends, chance)
    return drawn


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"group": True},
        {"multivariate": False},
        {"constant_liar": False},
        {"multivariate": False, "constant_liar": False},
        {"n_startup_trials": 0, "n_ei_candidates": 3},
    ],
)
def test_draws_are_optunas_own(options: dict[str, Any], direction: str) -> None:
    options = OPTIONS | options
    ours, optunas = (
        search(kind(**options), direction=direction) for kind in (IncrementalTPESampler, TPESampler)
    )
    assert ours == optunas
    assert len({tuple(params.items()) for params in ours}) > TRIALS / 2


@pytest.mark.parametrize(
    "ends",
    [Ends(states=(TrialState.PRUNED,)), Ends(violated=1), Ends(states=(TrialState.FAIL,))],
)
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_so_they_are_where_pruned_and_infeasible_trials_are_the_best(
    ends: Ends, direction: str
) -> None:
    ours, optunas = (
        search(kind(**OPTIONS), direction=direction, ends=ends)
        for kind in (IncrementalTPESampler, TPESampler)
    )
    assert ours == optunas


def test_under_hyperband_draws_follow_the_trials_bracket_as_optunas_do() -> None:
    ours, optunas = (
        search(kind(**OPTIONS), pruner=HyperbandPruner(1, 4, 2))
        for kind in (IncrementalTPESampler, TPESampler)
    )
    assert ours == optunas


def test_one_sampler_serves_one_study_after_the_other() -> None:
    """In memory both have the same id."""
    options = OPTIONS | {"multivariate": False}  # with it Optuna's mixes such studies up
    ours, optunas = (
        [search(sampler, seed=seed) for seed in range(2)]
        for sampler in (IncrementalTPESampler(**options), TPESampler(**options))
    )
    assert ours == optunas


def test_an_ended_trial_is_gone_over_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[int] = Counter()
    place = incremental_tpe._place

    def counted(trial: FrozenTrial, study: Study) -> tuple[float, float, float]:
        seen[trial.number] += 1
        return place(trial, study)

    monkeypatch.setattr(incremental_tpe, "_place", counted)
    study = optuna.create_study(sampler=IncrementalTPESampler(**OPTIONS))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=20)
    running = study.ask()
    for _ in range(3):
        study.ask({"x": FloatDistribution(0, 1)})
    assert {seen[number] for number in range(20)} == {1}
    assert seen[running.number] == 3
