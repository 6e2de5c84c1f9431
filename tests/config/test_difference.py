"""Where two configurations differ."""

import pytest

from config.difference import ABSENT, difference
from config.load import load, to_mapping


def test_equal_configurations_do_not_differ():
    assert difference(to_mapping(load("demo")), to_mapping(load("demo"))) == []


def test_a_changed_field_is_named_with_both_values():
    left = to_mapping(load("kobart"))
    right = to_mapping(
        load("kobart", overrides=["training.learning_rate=3e-5", "optuna.n_trials=5"])
    )
    assert difference(left, right) == [
        ("training.learning_rate", 5e-5, 3e-5),
        ("optuna.n_trials", 20, 5),
    ]


def test_an_end_of_a_range_is_named():
    override = "optuna.search_space.training.learning_rate.high=2e-4"
    right = to_mapping(load("kobart", overrides=[override]))
    assert difference(to_mapping(load("kobart")), right) == [
        ("optuna.search_space.training.learning_rate.high", 5e-4, 2e-4)
    ]


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {}, [("a", 1, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ({"a": {"b": 1}}, {"a": 2}, [("a", {"b": 1}, 2)]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1])]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, [("b", 1, 2), ("a", 1, 2)]),
        ({"a": {}}, {"a": {"b": 1}}, [("a.b", ABSENT, 1)]),
    ],
)
def test_differences(left, right, expected):
    assert difference(left, right) == expected
