"""Fields of the schema by their dotted paths."""

import pytest

from config.errors import ConfigError
from config.fields import elsewhere, find_leaf, nearest
from config.schema import Configuration


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("training.learning_rate", {float}),
        ("training.num_train_epochs", {int}),
        ("training.early_stopping_patience", {int}),
        ("training.gradient_checkpointing", {bool}),
        ("training.precision", {str}),
        ("wandb.notes", {str}),
        ("model.architecture.d_model", {int}),
        ("model.architecture.dropout", {float}),
        ("model.architecture.activation_function", {str}),
        ("general.data_path.train", {str}),
        ("optuna.pruner.n_warmup_steps", {int}),
    ],
)
def test_a_field_is_found_with_the_types_of_its_values(path, kinds):
    assert find_leaf(Configuration, path).kinds == kinds


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (
            "training.learning_rat",
            "unknown field training.learning_rat; did you mean",
        ),
        ("trainin.x", "unknown field trainin; did you mean training"),
        ("training.learning_rate.x", "unknown field training.learning_rate.x; nothing can be set"),
        ("", "unknown field ; "),
        ("training", "training is not a field with a single value; name one of its fields"),
        ("preprocessing.cleaning", "is not a field with a single value; choose another"),
        ("optuna.search_space", "is not a field with a single value"),
        ("general.data_path", "is not a field with a single value; name one of its fields: train"),
    ],
)
def test_what_is_no_field_is_refused_with_the_nearest(path, reason):
    with pytest.raises(ConfigError, match=reason):
        find_leaf(Configuration, path)


def test_a_value_is_given_as_the_field_holds_it():
    rate = find_leaf(Configuration, "training.learning_rate")
    assert rate.coerced("1e-5") == 1e-5
    assert rate.coerced("fast") == "fast"
    assert rate.coerced(5) == 5


@pytest.mark.parametrize(
    ("key", "valid", "hint"),
    [
        ("hihg", ["low", "high"], "did you mean high?"),
        ("max", ["low", "high"], "did you mean high?"),
        ("max", ["e", "i"], "valid here: e, i"),
        ("zzz", [], "nothing can be set here"),
        ("max_resource", ["min_resource"], "it is always the most evaluations"),
    ],
)
def test_the_nearest_key_is_named(key, valid, hint):
    assert nearest(key, valid).startswith(hint)


@pytest.mark.parametrize(
    ("key", "section"),
    [("num_beams", "generation"), ("learning_rate", "training"), ("name", None), ("zzz", None)],
)
def test_a_key_of_another_section_is_known(key, section):
    assert elsewhere(key, Configuration) == section
