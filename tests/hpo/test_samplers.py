"""Samplers by name, their options and their seeds."""

import logging
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.samplers import (
    CmaEsSampler,
    GPSampler,
    QMCSampler,
    RandomSampler,
)

from config.errors import ConfigError
from config.schema import Configuration
from config.space import check
from hpo.curve_tpe import CurveTPESampler
from hpo.errors import SearchRefused
from hpo.incremental_tpe import IncrementalTPESampler
from hpo.samplers import check_sampler, derive_seed, make_sampler, needs_lock
from hpo.suggest import suggest

Configured = Callable[..., Configuration]

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
BATCH = "training.per_device_train_batch_size"
DECAY = "training.weight_decay"
SCHEDULE = "training.lr_scheduler_type"
WARMUP = "training.warmup_ratio"

MIXED: dict[str, Any] = {
    LR: {"low": 1e-5, "high": 5e-4, "log": True},
    EPOCHS: {"low": 10, "high": 30, "step": 5},
    DECAY: {"low": 0.0, "high": 0.1},
    BATCH: {"choices": [8, 16, 32]},
    SCHEDULE: {"choices": ["linear", "cosine"]},
    WARMUP: {"low": 0.0, "high": 0.2, "when": {SCHEDULE: "cosine"}},
}
FINITE = {EPOCHS: {"low": 3, "high": 9, "step": 3}, BATCH: {"choices": [8, 16]}}
NAMES = ("tpe", "curve_tpe", "random", "gp", "cmaes", "qmc")


def _search(config: Configuration, n_trials: int, *, worker_seed: int = 0) -> list[dict]:
    sampler = make_sampler(config, worker_seed=worker_seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    drawn = []
    for _ in range(n_trials):
        trial = study.ask()
        params = suggest(trial, config.optuna.search_space)
        drawn.append(params)
        study.tell(trial, -abs(float(params.get(DECAY, 0)) - 0.03) - float(params.get(LR, 0)))
    return drawn


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tpe", IncrementalTPESampler),
        ("curve_tpe", CurveTPESampler),
        ("random", RandomSampler),
        ("gp", GPSampler),
        ("cmaes", CmaEsSampler),
        ("qmc", QMCSampler),
    ],
)
def test_each_name_is_the_sampler_optuna_calls_so(
    name: str, kind: type, configured: Configured
) -> None:
    assert type(make_sampler(configured(MIXED, sampler={"name": name}), worker_seed=0).inner) in (
        kind,
        *kind.__subclasses__(),
    )


def test_options_reach_the_sampler(configured: Configured) -> None:
    def made(**sampler: object) -> Any:
        return make_sampler(configured(MIXED, sampler=sampler), worker_seed=0).inner

    tpe = made(name="tpe", n_startup_trials=3, n_ei_candidates=7, constant_liar=False)
    assert (tpe._n_startup_trials, tpe._n_ei_candidates, tpe._constant_liar) == (3, 7, False)
    curves = made(name="curve_tpe", n_startup_trials=3, n_ei_candidates=7)
    assert (curves._n_startup_trials, curves._n_ei_candidates) == (3, 7)
    gp = made(name="gp", n_startup_trials=4, deterministic_objective=True)
    assert (gp._n_startup_trials, gp._deterministic) == (4, True)
    cmaes = made(name="cmaes", n_startup_trials=5, popsize=9, with_margin=True)
    assert (cmaes._n_startup_trials, cmaes._popsize, cmaes._with_margin) == (5, 9, True)
    assert made(name="cmaes", use_separable_cma=True)._use_separable_cma
    assert made(name="cmaes", consider_pruned_trials=True)._consider_pruned_trials
    qmc = made(name="qmc", qmc_type="halton", scramble=True)
    assert (qmc._qmc_type, qmc._scramble) == ("halton", True)


@pytest.mark.parametrize(
    ("space", "options", "group"),
    [
        (MIXED, {}, True),
        (FINITE, {}, False),
        (FINITE, {"group": True}, True),
        (MIXED, {"multivariate": False}, False),
    ],
)
def test_tpe_models_groups_where_the_space_has_conditions(
    space: dict, options: dict, group: bool, configured: Configured
) -> None:
    sampler = make_sampler(configured(space, sampler={"name": "tpe", **options}), worker_seed=0)
    assert sampler.inner._group is group
    assert sampler.inner._multivariate is options.get("multivariate", True)
    assert sampler.inner._constant_liar


@pytest.mark.parametrize("name", NAMES)
def test_a_mixed_space_with_conditions_is_searched_without_noise(
    name: str, configured: Configured, caplog: pytest.LogCaptureFixture
) -> None:
    """No warning and no log line: each would stand between the lines of the progress display."""
    startup = {} if name in ("random", "qmc") else {"n_startup_trials": 3}
    config = configured(MIXED, sampler={"name": name, **startup})
    optuna.logging.enable_propagation()
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
            warnings.simplefilter("error")
            drawn = _search(config, 12)
    finally:
        optuna.logging.disable_propagation()
    assert caplog.messages == []
    assert len({tuple(params.items()) for params in drawn}) == 12
    space = config.optuna.search_space
    assert all(space[field].contains(value) for params in drawn for field, value in params.items())
    assert all((WARMUP in params) == (params[SCHEDULE] == "cosine") for params in drawn)


@pytest.mark.parametrize(
    "options",
    [
        {"with_margin": True},
        {"use_separable_cma": True},
        {"consider_pruned_trials": True, "popsize": 4},
    ],
)
def test_the_variants_of_cmaes_search(options: dict, configured: Configured) -> None:
    config = configured(MIXED, sampler={"name": "cmaes", **options})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(_search(config, 12)) == 12


def test_cmaes_with_a_single_number_searches(configured: Configured) -> None:
    config = configured({DECAY: MIXED[DECAY], BATCH: MIXED[BATCH]}, sampler={"name": "cmaes"})
    drawn = _search(config, 15)
    assert {params[BATCH] for params in drawn} == {8, 16, 32}


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seeds_draw_the_same(name: str, configured: Configured) -> None:
    config = configured(MIXED, sampler={"name": name})
    assert _search(config, 6, worker_seed=3) == _search(config, 6, worker_seed=3)


@pytest.mark.parametrize("name", ["tpe", "curve_tpe", "random", "gp", "cmaes"])
def test_workers_draw_differently_from_their_first_trial_on(
    name: str, configured: Configured
) -> None:
    config = configured(MIXED, sampler={"name": name})
    first = [_search(config, 1, worker_seed=worker)[0][LR] for worker in range(8)]
    assert len(set(first)) == 8


def test_another_seed_of_the_experiment_draws_differently(configured: Configured) -> None:
    config = configured(MIXED)
    other = config.model_copy(update={"general": config.general.model_copy(update={"seed": 1})})
    assert _search(config, 1) != _search(other, 1)


def test_seeds_are_whole_numbers_that_every_machine_agrees_on() -> None:
    assert derive_seed(42, 0) == 1416840650
    assert derive_seed(42, 0) == derive_seed(42, "0")
    made = {derive_seed(seed, worker) for seed in range(20) for worker in range(20)}
    assert len(made) == 400


def test_qmc_workers_share_one_scrambled_sequence(configured: Configured) -> None:
    """With seeds of their own they would each walk a sequence that fills the space alone."""
    config = configured(MIXED, sampler={"name": "qmc", "scramble": True})
    storage = optuna.storages.InMemoryStorage()
    one, other = (
        optuna.create_study(
            storage=storage,
            study_name="s",
            load_if_exists=True,
            sampler=make_sampler(config, worker_seed=worker),
        )
        for worker in range(2)
    )
    space = config.optuna.search_space
    shared = [suggest(study.ask(), space) for study in (one, other, one, other)]
    assert shared == _search(config, 4)


def test_qmc_fills_the_space_evenly_from_the_first_trial_on(configured: Configured) -> None:
    """Sixteen points: each quarter of a range gets four, conditional parameters beside."""
    config = configured(MIXED, sampler={"name": "qmc"})
    drawn = [params[DECAY] for params in _search(config, 16)]
    quarters = [
        sum(quarter <= value / 0.025 < quarter + 1 for value in drawn) for quarter in range(4)
    ]
    assert quarters == [4, 4, 4, 4]


@pytest.mark.parametrize("name", ["tpe", "curve_tpe"])
def test_tpe_gathers_where_the_values_are_good(name: str, configured: Configured) -> None:
    space = {DECAY: {"low": 0.0, "high": 1.0}, LR: {"low": 0.0001, "high": 0.001}}
    config = configured(space, sampler={"name": name})
    drawn = [float(params[DECAY]) for params in _search(config, 40)]
    early, late = drawn[:10], drawn[-10:]
    assert sum(abs(value - 0.03) for value in late) < sum(abs(value - 0.03) for value in early)


@pytest.mark.parametrize(
    ("space", "sampler", "locked"),
    [
        (FINITE, "tpe", True),
        (FINITE, "grid", True),
        (MIXED, "tpe", False),
        (MIXED, "random", False),
        (MIXED, "qmc", True),
    ],
)
def test_draws_take_turns_where_two_could_be_alike(
    space: dict, sampler: str, locked: bool, configured: Configured
) -> None:
    assert needs_lock(configured(space, sampler={"name": sampler})) is locked


def test_a_grid_over_an_endless_range_is_refused(configured: Configured) -> None:
    with pytest.raises(ConfigError, match=f"{LR}.*step or choices"):
        check(configured({LR: MIXED[LR], BATCH: MIXED[BATCH]}, sampler={"name": "grid"}))


def test_cmaes_without_numbers_is_refused(configured: Configured) -> None:
    space = {BATCH: MIXED[BATCH], SCHEDULE: MIXED[SCHEDULE]}
    with pytest.raises(SearchRefused, match="cmaes varies numbers"):
        check_sampler(configured(space, sampler={"name": "cmaes"}))


@pytest.mark.parametrize("name", [*NAMES, "grid"])
def test_every_sampler_takes_a_space_it_can_search(name: str, configured: Configured) -> None:
    config = configured(FINITE, sampler={"name": name})
    check(config)
    check_sampler(config)


def test_a_search_over_nothing_is_no_refusal(configured: Configured) -> None:
    check_sampler(configured({}, sampler={"name": "cmaes"}))
