"""A search space against the fields that it varies."""

import pytest

from config.errors import ConfigError, SpaceError
from config.load import from_mapping, load
from config.space import check

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
DECAY = "training.weight_decay"


def refusal(config) -> str:
    with pytest.raises(SpaceError) as error:
        check(config)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "space",
    [
        {},
        {LR: {"low": 1e-5, "high": 5e-4, "log": True}},
        {LR: {"low": "1e-5", "high": "5e-4", "log": True}},
        {LR: {"low": 1e-5, "high": 1e-5}},
        {LR: {"choices": [1e-5, "2e-5", 3e-5, 5e-5]}},
        {DECAY: {"low": 0, "high": 0.2, "step": 0.05}},
        {DECAY: {"type": "int", "low": 0, "high": 1}},
        {EPOCHS: {"low": 10, "high": 30, "step": 5}},
        {EPOCHS: {"type": "int", "low": 3, "high": 30, "log": True}},
        {"training.per_device_train_batch_size": {"choices": [8, 16, 32]}},
        {"training.lr_scheduler_type": {"choices": ["linear", "cosine"]}},
        {"training.gradient_checkpointing": {"choices": [True, False]}},
        {"training.early_stopping_patience": {"choices": [None, 3]}},
        {"training.early_stopping_patience": {"low": 2, "high": 5}},
        {"training.label_smoothing": {"low": 0.0, "high": 0.2}},
        {"preprocessing.clean_summaries": {"choices": [True, False]}},
        {"generation.num_beams": {"low": 2, "high": 12}},
        {"generation.length_penalty": {"low": 0.6, "high": 2}},
        {"model.name": {"choices": ["a/b", "c/d"]}},
        {"model.max_encoder_length": {"choices": [256, 512]}},
    ],
)
def test_what_can_be_searched_is_accepted(with_space, space):
    check(with_space(space))


@pytest.mark.parametrize(
    ("field", "entry", "reason"),
    [
        ("training.learning_rat", {"low": 1, "high": 2}, "did you mean learning_rate?"),
        ("trainin.learning_rate", {"low": 1, "high": 2}, "unknown field trainin; did you mean"),
        ("learning_rate", {"low": 1, "high": 2}, "did you mean training.learning_rate?"),
        ("training.learning_rate.x", {"low": 1, "high": 2}, "unknown field"),
        ("training", {"low": 1, "high": 2}, "name one of its fields: learning_rate,"),
        ("model.architecture", {"choices": [1]}, "name one of its fields: d_model,"),
        ("preprocessing.cleaning", {"choices": ["crying"]}, "not a field with a single value"),
        ("general.seed", {"low": 1, "high": 9}, "cannot vary between trials; only fields of"),
        ("metric.name", {"choices": ["rouge1"]}, "cannot vary between trials; only fields of"),
        ("optuna.n_trials", {"low": 1, "high": 9}, "cannot vary between trials"),
        ("wandb.mode", {"choices": ["auto"]}, "cannot vary between trials"),
        (
            "training.evaluations_per_epoch",
            {"low": 1, "high": 2},
            "pruners compare trials at the same evaluation",
        ),
        ("training.save_total_limit", {"low": 1, "high": 2}, "does not change the score"),
        (LR, {"low": 1e-5, "high": 2.0}, "2.0 is out of range; it must be at most 1"),
        (LR, {"low": 0.0, "high": 0.1}, "0.0 is out of range; it must be above 0"),
        (LR, {"choices": [1e-5, -1]}, "-1 is out of range"),
        (LR, {"choices": [1e-5, "fast"]}, "'fast' is not a number"),
        (LR, {"choices": [1e-5, True]}, "True is not a number"),
        (LR, {"choices": [1e-5, None]}, "None is not a number"),
        (EPOCHS, {"type": "float", "low": 1, "high": 3}, "is a whole number; write type: int"),
        (EPOCHS, {"low": 0, "high": 3}, "0 is out of range; it must be at least 1"),
        (EPOCHS, {"choices": [3, 4.5]}, "4.5 is not a whole number"),
        ("training.lr_scheduler_type", {"low": 1, "high": 2}, "is no number; give its values"),
        ("training.gradient_checkpointing", {"low": 0, "high": 1}, "is no number"),
        ("training.lr_scheduler_type", {"choices": ["cosin"]}, "did you mean cosine"),
    ],
)
def test_an_entry_that_does_not_fit_its_field_is_refused(with_space, field, entry, reason):
    message = refusal(with_space({field: entry}))
    assert message.startswith(f"optuna.search_space.{field}: ")
    assert reason in message


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({LR: 3e-5}, f"{LR} never is 3e-05; it varies over 1e-05, 2e-05"),
        ({LR: [1e-5, 4e-5]}, f"{LR} never is 4e-05"),
        ({EPOCHS: 11}, f"{EPOCHS} never is 11; it varies over 10 to 20 in steps of 5"),
        ({EPOCHS: 40}, f"{EPOCHS} never is 40"),
        ({"training.nope": 1}, "unknown field training.nope"),
        ({"training": 1}, "is not a field with a single value"),
        ({"training.lr_scheduler_type": "cosin"}, "training.lr_scheduler_type: 'cosin' is not one"),
        ({"generation.num_beams": 0}, "generation.num_beams: 0 is out of range"),
    ],
)
def test_a_condition_that_can_never_hold_is_refused(with_space, when, reason):
    config = with_space(
        {
            LR: {"choices": [1e-5, 2e-5]},
            EPOCHS: {"low": 10, "high": 20, "step": 5},
            DECAY: {"low": 0, "high": 0.1, "when": when},
        }
    )
    message = refusal(config)
    assert message.startswith(f"optuna.search_space.{DECAY}.when: ")
    assert reason in message


def test_conditions_in_a_circle_are_refused(with_space):
    config = with_space(
        {
            LR: {"choices": [1e-5], "when": {DECAY: 0.1}},
            DECAY: {"choices": [0.1], "when": {LR: 1e-5}},
        }
    )
    assert f"the conditions of {LR}, {DECAY} go round in a circle" in refusal(config)


def test_every_entry_that_does_not_fit_is_told(with_space):
    space = {LR: {"low": 0, "high": 1}, EPOCHS: {"low": 0, "high": 3}}
    with pytest.raises(SpaceError) as error:
        check(with_space(space))
    assert len(error.value.problems) == 2


def test_values_that_are_wrong_together_are_refused(with_space):
    architecture = {"d_model": 64, "encoder_attention_heads": 4}
    config = with_space(
        {
            "model.architecture.d_model": {"choices": [64, 96]},
            "model.architecture.encoder_attention_heads": {"choices": [4, 64]},
        },
        model={"init": "random", "architecture": architecture},
    )
    message = refusal(config)
    assert "64 does not divide d_model 96" in message
    assert "drawn together: model.architecture.d_model 96" in message


def test_values_that_fit_together_under_their_condition_are_accepted(with_space):
    config = with_space(
        {
            "model.architecture.d_model": {"choices": [64, 96]},
            "model.architecture.encoder_attention_heads": {
                "choices": [4, 64],
                "when": {"model.architecture.d_model": 64},
            },
        },
        model={"init": "random", "architecture": {"encoder_attention_heads": 4}},
    )
    check(config)


def test_an_architecture_cannot_vary_over_pretrained_weights(with_space):
    config = with_space({"model.architecture.d_model": {"choices": [64, 96]}})
    assert "write model.init: random" in refusal(config)


def test_pairs_are_tried_where_there_are_too_many_combinations(with_space):
    space: dict[str, object] = {"generation.num_beams": {"low": 1, "high": 5}}
    space |= {
        f"model.architecture.{name}": {"choices": [48, 64, 80, 96, 112]}
        for name in ("encoder_ffn_dim", "decoder_ffn_dim", "d_model")
    }
    space["model.architecture.decoder_attention_heads"] = {"choices": [16, 14]}
    config = with_space(space, model={"init": "random", "architecture": {"encoder_layers": 1}})
    assert "does not divide d_model" in refusal(config)


@pytest.mark.parametrize(
    "pruner",
    [
        {"name": "hyperband", "min_resource": 5},
        {"name": "median+hyperband", "min_resource": 5},
        {"name": "patient", "wrapped_pruner": {"name": "hyperband", "min_resource": 5}},
    ],
)
def test_hyperband_must_decide_before_the_last_evaluation(pruner):
    space = {EPOCHS: {"low": 2, "high": 4}}
    config = from_mapping({"optuna": {"pruner": pruner, "search_space": space}})
    assert refusal(config) == (
        "optuna.pruner.min_resource: 5 is more than the 4 evaluations that a trial can reach; "
        "write at most 4"
    )
    check(
        from_mapping(
            {
                "optuna": {"pruner": pruner, "search_space": space},
                "training": {"evaluations_per_epoch": 2},
            }
        )
    )


def test_a_configuration_without_a_search_needs_no_fitting_pruner():
    check(from_mapping({"training": {"num_train_epochs": 1}}))


def test_a_grid_needs_a_finite_space():
    endless = {LR: {"low": 1e-5, "high": 1e-4}, EPOCHS: {"low": 2, "high": 4}}
    config = from_mapping({"optuna": {"sampler": "grid", "pruner": None, "search_space": endless}})
    assert refusal(config) == (
        f"optuna.sampler: grid needs a finite space; give {LR} a step or choices"
    )
    finite = {LR: {"choices": [1e-5, 1e-4]}, EPOCHS: {"low": 2, "high": 4}}
    check(from_mapping({"optuna": {"sampler": "grid", "pruner": None, "search_space": finite}}))


def test_loading_checks_the_space(write_file):
    path = write_file("optuna: {search_space: {training.nope: {low: 1, high: 2}}}")
    with pytest.raises(ConfigError, match=r"config\.yaml: optuna\.search_space\.training\.nope"):
        load(path)


def test_only_queued_trials_may_have_a_seed_of_their_own():
    space = {"general.seed": {"low": 0, "high": 9}}
    check(from_mapping({"optuna": {"sampler": "queued", "search_space": space}}))
    with pytest.raises(SpaceError, match=r"general\.seed cannot vary between trials"):
        check(from_mapping({"optuna": {"sampler": "random", "search_space": space}}))
