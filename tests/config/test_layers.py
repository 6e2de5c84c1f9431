"""Laying one raw configuration over another."""

import pytest

from config.errors import SourceError
from config.layers import merged, nested, split


def test_fields_of_a_section_are_merged():
    base = {"training": {"learning_rate": 1, "weight_decay": 2}, "model": {"name": "a"}}
    over = {"training": {"weight_decay": 3}}
    assert merged(base, over) == {
        "training": {"learning_rate": 1, "weight_decay": 3},
        "model": {"name": "a"},
    }


@pytest.mark.parametrize("field", ["search_space", "sampler", "pruner"])
def test_what_belongs_together_is_replaced_whole(field):
    base = {"optuna": {field: {"a": 1, "b": 2}, "n_trials": 3}}
    over = {"optuna": {field: {"b": 4}}}
    assert merged(base, over) == {"optuna": {field: {"b": 4}, "n_trials": 3}}


def test_another_name_drops_the_options_of_the_old_one():
    base = {"optuna": {"pruner": {"name": "median", "n_warmup_steps": 3}}}
    over = {"optuna": {"pruner": {"name": "hyperband"}}}
    assert merged(base, over, whole=frozenset()) == over


def test_the_same_name_keeps_the_other_options():
    base = {"optuna": {"pruner": {"name": "median", "n_warmup_steps": 3}}}
    over = {"optuna": {"pruner": {"name": "median", "n_startup_trials": 1}}}
    assert merged(base, over, whole=frozenset()) == {
        "optuna": {"pruner": {"name": "median", "n_warmup_steps": 3, "n_startup_trials": 1}}
    }


def test_merging_changes_neither_layer():
    base, over = {"training": {"a": 1}}, {"training": {"b": 2}}
    merged(base, over)
    assert (base, over) == ({"training": {"a": 1}}, {"training": {"b": 2}})


def test_a_value_replaces_a_mapping_and_the_other_way_round():
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2}
    assert merged({"a": 2}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_null_replaces():
    assert merged({"wandb": {"entity": "x"}}, {"wandb": {"entity": None}}) == {
        "wandb": {"entity": None}
    }


def test_a_path_is_nested():
    assert nested(("a", "b"), 3) == {"a": {"b": 3}}
    with pytest.raises(SourceError, match="needs a name"):
        nested((), 3)


@pytest.mark.parametrize(
    ("dotted", "path"),
    [
        ("training.learning_rate", ("training", "learning_rate")),
        ("model.architecture.d_model", ("model", "architecture", "d_model")),
        ("optuna.search_space", ("optuna", "search_space")),
        ("optuna.search_space.training.lr", ("optuna", "search_space", "training.lr")),
        ("optuna.search_space.training.lr.low", ("optuna", "search_space", "training.lr", "low")),
        (
            "optuna.search_space.model.architecture.d_model",
            ("optuna", "search_space", "model.architecture.d_model"),
        ),
        (
            "optuna.search_space.model.architecture.d_model.choices",
            ("optuna", "search_space", "model.architecture.d_model", "choices"),
        ),
        ("optuna.pruner.name", ("optuna", "pruner", "name")),
    ],
)
def test_names_in_the_search_space_keep_their_dots(dotted, path):
    assert split(dotted) == path
