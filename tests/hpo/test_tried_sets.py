"""Which sets a study has tried."""

from collections.abc import Callable

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from config.schema import Configuration
from hpo.suggest import distributions
from hpo.tried_sets import TriedSets, untried

EPOCHS = "training.num_train_epochs"
BATCH = "training.per_device_train_batch_size"
DECAY = "training.weight_decay"
SCHEDULE = "training.lr_scheduler_type"
WARMUP = "training.warmup_ratio"

FINITE = {EPOCHS: {"low": 3, "high": 9, "step": 3}, BATCH: {"choices": [8, 16]}}  # 6 sets
CONDITIONAL = {  # 1 + 3 sets
    SCHEDULE: {"choices": ["linear", "cosine"]},
    WARMUP: {"low": 0.0, "high": 0.2, "step": 0.1, "when": {SCHEDULE: "cosine"}},
}


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def _add(study: optuna.Study, config: Configuration, state: TrialState, **params: object) -> None:
    named = {key.replace("__", "."): value for key, value in params.items()}
    made = distributions(config.optuna.search_space)
    study.add_trial(
        create_trial(
            state=state,
            value=1.0 if state is TrialState.COMPLETE else None,
            params=named,
            distributions={name: made[name] for name in named},
        )
    )


def test_every_state_but_waiting_counts_as_tried(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    config = configured(FINITE)
    space = config.optuna.search_space
    assert untried(study, space) == 6
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING]
    for epochs, state in zip((3, 6, 9, 3), states, strict=True):
        batch = 16 if state is TrialState.RUNNING else 8
        _add(study, config, state, **{EPOCHS: epochs, BATCH: batch})
    study.enqueue_trial({EPOCHS: 6, BATCH: 16})
    assert untried(study, space) == 2
    assert len(TriedSets(space).of(study)) == 4
    assert len(TriedSets(space).of(study, but=0)) == 3


def test_a_set_tried_twice_counts_once(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    config = configured(FINITE)
    for _ in range(2):
        _add(study, config, TrialState.COMPLETE, **{EPOCHS: 3, BATCH: 8})
    assert untried(study, config.optuna.search_space) == 5


def test_a_trial_that_ended_before_it_had_parameters_uses_nothing_up(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    config = configured(FINITE)
    _add(study, config, TrialState.FAIL)
    _add(study, config, TrialState.FAIL, **{EPOCHS: 3})
    assert untried(study, config.optuna.search_space) == 6


def test_a_set_from_outside_the_space_uses_nothing_up(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    space = configured(FINITE).optuna.search_space
    wider = {EPOCHS: IntDistribution(1, 99), BATCH: CategoricalDistribution((8, 16))}
    study.add_trial(create_trial(value=1.0, params={EPOCHS: 50, BATCH: 8}, distributions=wider))
    assert untried(study, space) == 6


def test_conditional_sets_are_counted_as_they_are_drawn(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    config = configured(CONDITIONAL)
    space = config.optuna.search_space
    assert untried(study, space) == 4
    _add(study, config, TrialState.COMPLETE, **{SCHEDULE: "linear"})
    _add(study, config, TrialState.COMPLETE, **{SCHEDULE: "cosine", WARMUP: 0.1})
    assert untried(study, space) == 2


def test_an_endless_space_is_never_used_up(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    assert untried(study, configured().optuna.search_space) is None


def test_an_empty_space_holds_one_trial(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    space = configured({}).optuna.search_space
    assert untried(study, space) == 1
    study.tell(study.ask(), 1.0)
    assert untried(study, space) == 0


def test_one_value_has_one_identity(configured: Callable[..., Configuration]) -> None:
    tried = TriedSets(configured({**FINITE, **CONDITIONAL}).optuna.search_space)
    assert tried.key({EPOCHS: 6}) == tried.key({EPOCHS: 6.0})
    assert tried.key({WARMUP: 0.1 + 0.1}) == tried.key({WARMUP: 0.2})
    assert tried.key({EPOCHS: 6}) != tried.key({EPOCHS: 9})
    assert tried.key({BATCH: 8}) != tried.key({BATCH: 800})
    assert tried.key({"not.configured": 1}) == frozenset()


def test_what_conditions_leave_out_is_no_part_of_a_set(
    configured: Callable[..., Configuration],
) -> None:
    tried = TriedSets(configured(CONDITIONAL).optuna.search_space)
    assert tried.active({SCHEDULE: "linear", WARMUP: 0.1}) == {SCHEDULE: "linear"}
    both = {SCHEDULE: "cosine", WARMUP: 0.1}
    assert tried.active(both) == both


def test_finished_trials_are_read_once(
    study: optuna.Study, configured: Callable[..., Configuration]
) -> None:
    config = configured(FINITE)
    tried = TriedSets(config.optuna.search_space)
    _add(study, config, TrialState.COMPLETE, **{EPOCHS: 3, BATCH: 8})
    first = tried.of(study)
    _add(study, config, TrialState.COMPLETE, **{EPOCHS: 6, BATCH: 8})
    assert first < tried.of(study)
    assert set(tried._finished) == {0, 1}
