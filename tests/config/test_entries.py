"""Entries of the search space by themselves."""

import pytest

from config.entries import CategoricalEntry, FloatEntry, IntEntry
from config.errors import ConfigError
from config.load import from_mapping, to_mapping

LR = "training.learning_rate"


def entry(field: str, written: dict[str, object]):
    config = from_mapping({"optuna": {"search_space": {field: written}}})
    return config.optuna.search_space[field]


@pytest.mark.parametrize(
    ("field", "written", "kind"),
    [
        (LR, {"low": 0, "high": 1}, FloatEntry),
        (LR, {"low": 1e-5, "high": 1e-4}, FloatEntry),
        ("training.num_train_epochs", {"low": 1, "high": "3"}, IntEntry),
        ("training.early_stopping_patience", {"low": 1, "high": 3}, IntEntry),
        (LR, {"choices": [1]}, CategoricalEntry),
        (LR, {"type": None, "choices": [1]}, CategoricalEntry),
        ("training.num_train_epochs", {"type": "float", "low": 1, "high": 3}, FloatEntry),
        ("training.nope", {"low": 1, "high": 3}, FloatEntry),
    ],
)
def test_the_type_follows_from_the_field(field, written, kind):
    assert isinstance(entry(field, written), kind)


def test_choices_are_held_as_the_field_holds_them():
    choices = entry(LR, {"choices": ["1e-5", 1]}).choices
    assert choices == (1e-5, 1.0)
    assert [type(choice) for choice in choices] == [float, float]
    assert entry("training.num_train_epochs", {"choices": [3.0, "4"]}).choices == (3, 4)
    assert entry("training.gradient_checkpointing", {"choices": ["yes", 0]}).choices == (
        True,
        False,
    )


def test_condition_values_are_held_as_the_field_holds_them():
    written = {"low": 0, "high": 1, "when": {LR: "1e-5", "training.num_train_epochs": [2.0, "3"]}}
    when = entry("training.weight_decay", written).when
    assert when == {LR: (1e-5,), "training.num_train_epochs": (2, 3)}


def test_no_condition_may_be_written_as_null():
    assert entry(LR, {"low": 0, "high": 1, "when": None}).when == {}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"low": 2, "high": 1}, "low 2.0 is above high 1.0; swap them"),
        ({"low": 0, "high": 1, "log": True}, "a logarithm needs low above 0"),
        ({"low": 1, "high": 2, "log": True, "step": 1}, "log and step exclude each other"),
        ({"low": 0, "high": 1, "step": 0.3}, "step 0.3 does not lead from 0.0 to 1.0; end at 0.9"),
        ({"low": 0, "high": 1, "step": 0}, "must be above 0"),
        ({"low": 0, "high": 1, "step": -1}, "must be above 0"),
        ({"low": 0, "high": float("inf")}, "inf is not a finite number"),
        ({"low": "a", "high": 1}, "'a' is not a number"),
        ({"low": 0}, "high: is missing"),
        ({"low": 0, "high": 1, "choices": [1]}, "low"),
        ({"choices": []}, "choices: is empty; write at least one"),
        ({"choices": [1, 1.0]}, "1.0 is given twice; write it once"),
        ({"choices": 3}, "choices: 3 is not a list"),
        ({"choices": [[1]]}, r"choices\[0\]"),
        ({"low": 0, "high": 1, "when": 3}, "when: 3 is not a mapping"),
        ({"type": "floot", "low": 0, "high": 1}, "did you mean float"),
        ([0, 1], "is not a mapping"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(written, reason):
    with pytest.raises(ConfigError, match=reason) as refusal:
        entry(LR, written)
    assert f"optuna.search_space.{LR}" in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"low": 1.5, "high": 3}, "1.5 is not a whole number"),
        ({"low": 1, "high": 4, "step": 2}, "step 2 does not lead from 1 to 4; end at 3"),
        ({"low": 0, "high": 4, "log": True}, "a logarithm needs low above 0"),
        ({"low": 1, "high": 5, "log": True, "step": 2}, "log and step exclude each other"),
        ({"low": 1, "high": 5, "step": 0}, "must be at least 1"),
    ],
)
def test_a_range_of_whole_numbers_that_makes_no_sense_is_refused(written, reason):
    with pytest.raises(ConfigError, match=reason):
        entry("training.num_train_epochs", written)


@pytest.mark.parametrize(
    ("one", "size"),
    [
        (FloatEntry(low=0, high=1), None),
        (FloatEntry(low=1, high=1), 1),
        (FloatEntry(low=0, high=0.2, step=0.05), 5),
        (FloatEntry(low=0.1, high=0.3, step=0.1), 3),
        (IntEntry(low=10, high=30, step=5), 5),
        (IntEntry(low=3, high=3), 1),
        (IntEntry(low=1, high=8, log=True), 8),
        (CategoricalEntry(choices=("a", None, 3)), 3),
    ],
)
def test_values_are_counted(one, size):
    assert one.size == size


@pytest.mark.parametrize(
    ("one", "inside", "outside"),
    [
        (FloatEntry(low=0, high=1), [0, 0.5, 1.0], [-0.1, 1.1, "0", None, True]),
        (FloatEntry(low=0.1, high=0.3, step=0.1), [0.1, 0.2, 0.3], [0.15, 0.4]),
        (IntEntry(low=10, high=20, step=5), [10, 15.0, 20], [11, 25, 5, True, "10"]),
        (CategoricalEntry(choices=("a", None, 3)), ["a", None, 3], ["b", 4]),
    ],
)
def test_an_entry_knows_its_values(one, inside, outside):
    assert [one.contains(value) for value in inside] == [True] * len(inside)
    assert [one.contains(value) for value in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    "written",
    [
        {"type": "float", "low": 1e-5, "high": 5e-4, "log": True, "step": None, "when": {}},
        {"type": "float", "low": 0.0, "high": 0.2, "log": False, "step": 0.1, "when": {}},
        {"type": "categorical", "choices": [1e-5, 0.5], "when": {"generation.num_beams": [2, 3]}},
    ],
)
def test_entries_come_out_as_they_went_in(written):
    config = from_mapping({"optuna": {"search_space": {LR: written}}})
    assert to_mapping(config)["optuna"]["search_space"][LR] == written


def test_an_entry_set_to_null_is_taken_out():
    assert from_mapping({"optuna": {"search_space": {LR: None}}}).optuna.search_space == {}
