"""Parameters of new, continued and queued trials."""

import optuna
import pytest
from optuna.trial import Trial, TrialState

from config.load import from_mapping
from config.space import SearchSpace
from hpo.errors import BadEnqueued
from hpo.suggest import distribution, distributions, holds, suggest

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
BATCH = "training.per_device_train_batch_size"
SCHEDULE = "training.lr_scheduler_type"
WARMUP = "training.warmup_ratio"


def _space(**entries: object) -> SearchSpace:
    named = {key.replace("__", "."): value for key, value in entries.items()}
    return from_mapping({"optuna": {"search_space": named}}).optuna.search_space


SPACE = _space(
    training__warmup_ratio={"low": 0.05, "high": 0.25, "step": 0.05, "when": {SCHEDULE: "cosine"}},
    training__lr_scheduler_type={"choices": ["linear", "cosine"]},
    training__learning_rate={"low": 1e-5, "high": 5e-4, "log": True},
    training__num_train_epochs={"low": 10, "high": 30, "step": 5},
    training__per_device_train_batch_size={"choices": [8, 16, 32]},
)


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))


def test_parameters_bear_their_dotted_field_names(study: optuna.Study) -> None:
    trial = study.ask()
    params = suggest(trial, SPACE)
    assert params == trial.params
    assert set(params) - {WARMUP} == {SCHEDULE, LR, EPOCHS, BATCH}


def test_values_lie_in_their_entries(study: optuna.Study) -> None:
    for _ in range(40):
        params = suggest(study.ask(), SPACE)
        assert all(SPACE[name].contains(value) for name, value in params.items() if name != WARMUP)
        assert isinstance(params[EPOCHS], int)


def test_conditional_parameters_are_drawn_only_where_they_matter(study: optuna.Study) -> None:
    drawn = [suggest(study.ask(), SPACE) for _ in range(40)]
    assert {params[SCHEDULE] for params in drawn} == {"linear", "cosine"}
    assert all((WARMUP in params) == (params[SCHEDULE] == "cosine") for params in drawn)


def test_a_continued_trial_gives_its_stored_parameters(study: optuna.Study) -> None:
    first = study.ask()
    params = suggest(first, SPACE)
    again = Trial(study, first._trial_id)
    study.sampler = optuna.samplers.RandomSampler(seed=999)
    assert suggest(again, SPACE) == params
    assert suggest(again, SPACE) == params  # and any number of times


def test_a_trial_that_died_while_drawing_keeps_what_it_had(study: optuna.Study) -> None:
    first = study.ask()
    schedule = first.suggest_categorical(SCHEDULE, ["linear", "cosine"])
    lr = first.suggest_float(LR, 1e-5, 5e-4, log=True)
    params = suggest(Trial(study, first._trial_id), SPACE)
    assert (params[SCHEDULE], params[LR]) == (schedule, lr)
    assert EPOCHS in params


def test_a_queued_trial_gives_what_it_was_queued_with(study: optuna.Study) -> None:
    queued = {LR: 3e-5, EPOCHS: 20, BATCH: 16, SCHEDULE: "cosine", WARMUP: 0.1}
    study.enqueue_trial(queued)
    assert suggest(study.ask(), SPACE) == queued


def test_what_a_queued_trial_leaves_open_is_drawn(study: optuna.Study) -> None:
    study.enqueue_trial({LR: 3e-5})
    params = suggest(study.ask(), SPACE)
    assert params[LR] == 3e-5
    assert {EPOCHS, BATCH, SCHEDULE} <= set(params)


def test_a_queued_value_without_effect_is_left_out(study: optuna.Study) -> None:
    study.enqueue_trial({SCHEDULE: "linear", WARMUP: 0.1})
    assert WARMUP not in suggest(study.ask(), SPACE)


@pytest.mark.parametrize(
    ("queued", "reason"),
    [
        ({LR: 1.0}, f"trial 0: the queued {LR} = 1.0 is outside the range 1e-05 to 0.0005;"),
        ({EPOCHS: 12}, f"the queued {EPOCHS} = 12 is outside the range 10 to 30 in steps of 5"),
        ({BATCH: 64}, f"the queued {BATCH} = 64 is outside the choices 8, 16, 32"),
        ({LR: "fast"}, "= 'fast' is outside the range"),
        ({"learning_rate": 1e-5}, f"learning_rate is not in the search space; did you mean {LR}?"),
        ({"zzz": 1}, "the queued parameter zzz is not in the search space"),
    ],
)
def test_what_cannot_be_queued_is_said_in_one_line(
    queued: dict, reason: str, study: optuna.Study
) -> None:
    study.enqueue_trial(queued)
    with pytest.raises(BadEnqueued) as refused:
        suggest(study.ask(), SPACE)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refused_trial_can_still_be_failed(study: optuna.Study) -> None:
    study.enqueue_trial({LR: 1.0})
    trial = study.ask()
    with pytest.raises(BadEnqueued):
        suggest(trial, SPACE)
    assert study.tell(trial, state=TrialState.FAIL).state is TrialState.FAIL


def test_a_value_with_one_possibility_is_suggested_too(study: optuna.Study) -> None:
    space = _space(training__num_train_epochs={"low": 3, "high": 3})
    assert suggest(study.ask(), space) == {EPOCHS: 3}


def test_an_empty_space_gives_no_parameters(study: optuna.Study) -> None:
    assert suggest(study.ask(), {}) == {}


def test_distributions_are_optunas_and_in_drawing_order() -> None:
    made = distributions(SPACE)
    names = list(made)
    assert names.index(SCHEDULE) < names.index(WARMUP)
    assert made[LR] == optuna.distributions.FloatDistribution(1e-5, 5e-4, log=True)
    assert made[EPOCHS] == optuna.distributions.IntDistribution(10, 30, step=5)
    assert made[BATCH] == optuna.distributions.CategoricalDistribution((8, 16, 32))


@pytest.mark.parametrize(
    ("name", "value", "inside"),
    [
        (LR, 1e-4, True),
        (LR, 1e-6, False),
        (EPOCHS, 15, True),
        (EPOCHS, 16, False),
        (BATCH, 16, True),
        (BATCH, "16", False),
        (WARMUP, 0.1 + 0.05, True),
        (WARMUP, None, False),
    ],
)
def test_a_distribution_knows_its_values(name: str, value: object, inside: bool) -> None:
    assert holds(distribution(SPACE[name]), value) is inside
