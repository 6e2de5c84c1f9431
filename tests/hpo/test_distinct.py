"""No set of parameters is tried twice, whichever sampler draws."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.testing.pytest_samplers import BasicSamplerTestCase
from optuna.trial import FrozenTrial, Trial, TrialState

from config.schema import Configuration
from config.space import SearchSpace, combinations
from hpo.distinct import REDRAWS, DistinctSampler
from hpo.errors import SpaceExhausted
from hpo.pruners import EagerHyperbandPruner
from hpo.samplers import make_sampler
from hpo.suggest import suggest
from storage.connect import Database, connect
from storage.url import StorageURL

Configured = Callable[..., Configuration]

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
BATCH = "training.per_device_train_batch_size"
SCHEDULE = "training.lr_scheduler_type"
WARMUP = "training.warmup_ratio"

FINITE = {EPOCHS: {"low": 3, "high": 9, "step": 3}, BATCH: {"choices": [8, 16]}}  # 6 sets
CONDITIONAL = {  # 2 x (1 + 3) sets
    BATCH: {"choices": [8, 16]},
    SCHEDULE: {"choices": ["linear", "cosine"]},
    WARMUP: {"low": 0.0, "high": 0.2, "step": 0.1, "when": {SCHEDULE: "cosine"}},
}


# ruff: noqa: ARG002 - the signatures are Optuna's
class Stubborn(BaseSampler):
    """A sampler that always wants the same; counts how often it is asked for a set."""

    def __init__(self, wanted: Mapping[str, object]) -> None:
        self.wanted = dict(wanted)
        self.asked = 0
        self.calls: list[str] = []

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict:
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.asked += 1
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, dist: BaseDistribution
    ) -> Any:
        return self.wanted[param_name]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self.calls.append("before")

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        self.calls.append(f"after {state.name} {values}")

    def reseed_rng(self) -> None:
        self.calls.append("reseed")


class Wavering(Stubborn):
    """Wants one batch size and the other in turns."""

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.asked += 1
        return {BATCH: (16, 8)[self.asked % 2]}


def _study(sampler: BaseSampler, storage: BaseStorage | None = None, **rest: Any) -> Study:
    return optuna.create_study(
        direction="maximize",
        sampler=sampler,
        storage=storage,
        study_name="s",
        load_if_exists=True,
        **rest,
    )


def _run(study: Study, space: SearchSpace) -> frozenset:
    trial = study.ask()
    params = suggest(trial, space)
    study.tell(trial, float(len(str(params))))
    return frozenset(params.items())


@pytest.mark.parametrize("name", ["tpe", "curve_tpe", "random", "grid", "gp", "cmaes", "qmc"])
@pytest.mark.parametrize("space", [FINITE, CONDITIONAL], ids=["plain", "conditional"])
def test_a_finite_space_is_tried_wholly_and_each_set_once(
    name: str, space: dict, configured: Configured
) -> None:
    options = {
        "name": name,
        **({"n_startup_trials": 2} if name in ("tpe", "curve_tpe", "gp", "cmaes") else {}),
    }
    config = configured(space, sampler=options)
    study = _study(make_sampler(config, worker_seed=0))
    size = combinations(config.optuna.search_space)
    assert size is not None
    tried = Counter(_run(study, config.optuna.search_space) for _ in range(size))
    assert len(tried) == size
    with pytest.raises(SpaceExhausted, match=rf"each comb.* has been tried \({size} in all\)"):
        suggest(study.ask(), config.optuna.search_space)


def test_a_finite_space_is_used_up_whatever_the_trials_became(configured: Configured) -> None:
    config = configured(FINITE)
    study = _study(make_sampler(config, worker_seed=0))
    tried = set()
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING) * 2:
        trial = study.ask()
        tried.add(frozenset(suggest(trial, config.optuna.search_space).items()))
        if state is not TrialState.RUNNING:
            study.tell(trial, state=state)
    assert len(tried) == 6


def test_workers_with_the_same_seed_do_not_repeat_each_other(
    url: StorageURL, configured: Configured
) -> None:
    """Three workers, each with its own connection, take turns at one database."""
    config = configured(FINITE, sampler={"name": "random"})
    databases = [connect(url) for _ in range(3)]
    workers = [_study(make_sampler(config, worker_seed=0), each.storage) for each in databases]
    trials = [worker.ask() for worker in [*workers, *workers]]
    tried = {frozenset(suggest(trial, config.optuna.search_space).items()) for trial in trials}
    assert len(tried) == 6
    for opened in databases:
        opened.close()


def test_a_repeated_proposal_gives_way_to_its_nearest_neighbour(configured: Configured) -> None:
    space = configured(
        {EPOCHS: {"low": 1, "high": 9}, BATCH: {"choices": [8, 16, 32]}}
    ).optuna.search_space
    study = _study(DistinctSampler(Stubborn({EPOCHS: 5, BATCH: 16}), space, seed=0))
    drawn = [dict(_run(study, space)) for _ in range(11)]
    assert drawn[0] == {EPOCHS: 5, BATCH: 16}
    for params in drawn[1:]:
        assert (params[EPOCHS] != 5) + (params[BATCH] != 16) == 1
    epochs = [params[EPOCHS] for params in drawn if params[BATCH] == 16]
    assert epochs == sorted(epochs, key=lambda value: abs(value - 5))


def test_a_sampler_that_has_settled_on_one_set_is_asked_again_once(configured: Configured) -> None:
    space = configured(FINITE).optuna.search_space
    inner = Stubborn({EPOCHS: 3, BATCH: 8})
    study = _study(DistinctSampler(inner, space, seed=0))
    _run(study, space)
    assert inner.asked == 1
    _run(study, space)
    assert inner.asked == 1 + 2


def test_a_sampler_that_wavers_is_asked_until_it_finds_something_new(
    configured: Configured,
) -> None:
    space = configured(FINITE).optuna.search_space
    inner = Wavering({EPOCHS: 3, BATCH: 8})
    study = _study(DistinctSampler(inner, space, seed=0))
    for _ in range(3):
        _run(study, space)  # 8, 16, then a neighbour: it only ever wants two sets
    assert inner.asked == 1 + 1 + (1 + REDRAWS)


def test_an_endless_space_takes_a_repetition_in_the_end(configured: Configured) -> None:
    space = configured({LR: {"low": 1e-5, "high": 1e-4}}).optuna.search_space
    inner = Stubborn({LR: 2e-5})
    study = _study(DistinctSampler(inner, space, seed=0))
    assert _run(study, space) == _run(study, space)
    assert inner.asked == 1 + (1 + REDRAWS)


def test_few_sets_on_one_side_of_an_endless_space_are_tried_once(configured: Configured) -> None:
    """With schedule linear there is nothing else to choose, with cosine no end of warm-ups."""
    space = configured(
        {
            SCHEDULE: {"choices": ["linear", "cosine"]},
            WARMUP: {"low": 0.0, "high": 0.2, "when": {SCHEDULE: "cosine"}},
        }
    ).optuna.search_space
    inner = RandomSampler(seed=0)
    inner.sample_relative = lambda *_: {SCHEDULE: "linear"}  # it wants nothing else
    study = _study(DistinctSampler(inner, space, seed=0))
    tried = [dict(_run(study, space)) for _ in range(5)]
    assert tried[0] == {SCHEDULE: "linear"}
    assert {params[SCHEDULE] for params in tried[1:]} == {"cosine"}
    assert len({params[WARMUP] for params in tried[1:]}) == 4


def test_a_continued_trial_is_not_drawn_again(configured: Configured) -> None:
    space = configured(FINITE).optuna.search_space
    inner = Stubborn({EPOCHS: 3, BATCH: 8})
    study = _study(DistinctSampler(inner, space, seed=0))
    first = study.ask()
    params = suggest(first, space)
    attributes = study._storage.get_trial_system_attrs(first._trial_id)
    assert suggest(Trial(study, first._trial_id), space) == params
    assert inner.asked == 1
    assert study._storage.get_trial_system_attrs(first._trial_id) == attributes


def test_a_worker_that_died_while_drawing_leaves_its_part(configured: Configured) -> None:
    space = configured(FINITE).optuna.search_space
    study = _study(DistinctSampler(Stubborn({EPOCHS: 3, BATCH: 8}), space, seed=0))
    _run(study, space)  # epochs 3, batch 8
    dying = study.ask({BATCH: optuna.distributions.CategoricalDistribution((8, 16))})
    stored = dying.params[BATCH]
    params = suggest(Trial(study, dying._trial_id), space)
    assert params[BATCH] == stored
    assert params != {EPOCHS: 3, BATCH: 8}


def test_what_a_queued_trial_leaves_open_is_drawn_anew(configured: Configured) -> None:
    space = configured(FINITE).optuna.search_space
    study = _study(DistinctSampler(Stubborn({EPOCHS: 3, BATCH: 8}), space, seed=0))
    for _ in range(3):
        study.enqueue_trial({BATCH: 16})
    assert len({_run(study, space) for _ in range(3)}) == 3
    study.enqueue_trial({BATCH: 16})
    assert dict(_run(study, space))[BATCH] == 16  # used up, but asked for by name


def test_a_queued_condition_draws_what_depends_on_it(configured: Configured) -> None:
    space = configured(CONDITIONAL).optuna.search_space
    study = _study(DistinctSampler(RandomSampler(seed=0), space, seed=0))
    for schedule in ("cosine", "linear"):
        study.enqueue_trial({SCHEDULE: schedule})
        assert (WARMUP in dict(_run(study, space))) == (schedule == "cosine")


def test_trials_of_other_hyperband_brackets_are_compared_too(configured: Configured) -> None:
    """Under Hyperband a sampler is shown one bracket; repetitions hide in the others."""
    space = configured(FINITE).optuna.search_space
    pruner = EagerHyperbandPruner(
        min_resource=1, max_resource=9, reduction_factor=3, bootstrap_count=0
    )
    sampler = DistinctSampler(Stubborn({EPOCHS: 3, BATCH: 8}), space, seed=0)
    study = _study(sampler, pruner=pruner)
    assert len({_run(study, space) for _ in range(6)}) == 6
    assert len({pruner.bracket_of(study, trial) for trial in study.trials}) > 1


def test_a_proposal_from_a_wider_range_is_drawn_anew(configured: Configured) -> None:
    """As TPE makes them while the trials that it learns from had another space."""

    class Outside(Stubborn):
        def sample_relative(
            self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
        ) -> dict[str, Any]:
            return {LR: 0.5, BATCH: 64}

    narrow = {LR: {"low": 1e-5, "high": 1e-4, "log": True}, BATCH: {"choices": [8, 16]}}
    space = configured(narrow).optuna.search_space
    study = _study(DistinctSampler(Outside({LR: 2e-5, BATCH: 16}), space, seed=0))
    assert suggest(study.ask(), space) == {LR: 2e-5, BATCH: 16}


def test_the_wrapped_sampler_hears_of_every_trial(configured: Configured) -> None:
    space = configured(FINITE).optuna.search_space
    inner = Stubborn({EPOCHS: 3, BATCH: 8})
    sampler = DistinctSampler(inner, space, seed=0)
    study = _study(sampler)
    study.tell(study.ask(), 0.5)
    sampler.reseed_rng()
    assert inner.calls == ["before", "after COMPLETE [0.5]", "reseed"]
    assert sampler.inner is inner


def test_a_leased_trial_is_drawn_from_the_study_as_it_is_now(
    database: Database, configured: Configured
) -> None:
    """Study.ask is never called for it, and Optuna drops its copy of the trials only there."""
    config = configured(FINITE, sampler={"name": "tpe"})
    study = _study(make_sampler(config, worker_seed=0), database.storage)
    study._get_trials(use_cache=True)
    assert study._thread_local.cached_all_trials == []
    Trial(study, study._storage.create_new_trial(study._study_id))
    assert study._thread_local.cached_all_trials is None


def test_parameters_that_are_not_configured_are_drawn_as_optuna_would() -> None:
    study = _study(DistinctSampler(RandomSampler(seed=0), {}, seed=0))
    assert 0 <= study.ask().suggest_float("x", 0, 1) <= 1


class TestAsOptunaTestsItsOwn(BasicSamplerTestCase):
    """Optuna's own suite for samplers, over spaces that are not configured."""

    @pytest.fixture
    def sampler(self) -> Callable[[], BaseSampler]:
        return lambda: DistinctSampler(optuna.samplers.TPESampler(seed=0), {}, seed=0)
