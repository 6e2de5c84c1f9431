"""Order, conditions, counting, and what a draw makes of a configuration."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError, SpaceError
from config.load import from_mapping, load, to_mapping
from config.space import (
    CategoricalEntry,
    FloatEntry,
    IntEntry,
    apply,
    combinations,
    is_active,
    max_evaluations,
    ordered,
)
from config.space_corners import MOST_DRAWS, corner_draws, corners

LR = "training.learning_rate"
EPOCHS = "training.num_train_epochs"
KOBART = load("kobart")


def choice(*values, **when):
    return CategoricalEntry(choices=values, when=when)


# order and conditions


def test_entries_keep_the_order_in_which_they_are_written():
    space = {"b": choice(1), "a": choice(1), "c": choice(1)}
    assert [field for field, _ in ordered(space)] == ["b", "a", "c"]


def test_entries_come_after_what_they_depend_on():
    space = {"a": choice(1, b=2), "b": choice(2, c=3), "c": choice(3), "d": choice(4)}
    assert [field for field, _ in ordered(space)] == ["c", "b", "a", "d"]


@pytest.mark.parametrize(
    "space",
    [
        {"a": choice(1, a=1)},
        {"a": choice(1, b=1), "b": choice(1, a=1)},
        {"a": choice(1, b=1), "b": choice(1, c=1), "c": choice(1, a=1), "d": choice(1)},
    ],
)
def test_a_circle_has_no_order(space):
    with pytest.raises(SpaceError, match="go round in a circle; remove one"):
        ordered(space)


def test_a_condition_on_what_does_not_vary_holds_up_nothing():
    assert [field for field, _ in ordered({"a": choice(1, z=1)})] == ["a"]


@pytest.mark.parametrize(
    ("when", "values", "active"),
    [
        ({}, {}, True),
        ({"a": (1,)}, {"a": 1}, True),
        ({"a": (1, 2)}, {"a": 2}, True),
        ({"a": (1,)}, {"a": 2}, False),
        ({"a": (1,)}, {}, False),
        ({"a": (None,)}, {"a": None}, True),
        ({"a": (None,)}, {}, False),
        ({"a": (1,), "b": (2,)}, {"a": 1, "b": 2}, True),
        ({"a": (1,), "b": (2,)}, {"a": 1, "b": 3}, False),
    ],
)
def test_an_entry_varies_when_all_its_conditions_hold(when, values, active):
    assert is_active(CategoricalEntry(choices=(1,), when=when), values) is active


def test_a_condition_that_a_fixed_field_meets_is_taken_off(with_space):
    decay = {"choices": [0, 0.1], "when": {"training.lr_scheduler_type": "cosine", LR: 1e-5}}
    space = {LR: {"choices": [1e-5, 1e-4]}, "training.weight_decay": decay}
    config = with_space(space, training={"lr_scheduler_type": "cosine"})
    assert config.optuna.search_space["training.weight_decay"].when == {LR: (1e-5,)}


def test_a_condition_that_a_fixed_field_does_not_meet_keeps_the_entry_out(with_space):
    decay = {"choices": [0, 0.1], "when": {"training.lr_scheduler_type": "cosine"}}
    config = with_space({"training.weight_decay": decay})
    entry = config.optuna.search_space["training.weight_decay"]
    assert not is_active(entry, {})
    assert combinations(config.optuna.search_space) == 1


def test_a_fixed_field_may_be_null(with_space):
    decay = {"choices": [0, 0.1], "when": {"training.early_stopping_patience": None}}
    config = with_space({"training.weight_decay": decay})
    assert config.optuna.search_space["training.weight_decay"].when == {}


def test_a_condition_on_a_field_of_the_architecture(with_space):
    entry = {"choices": [0, 0.1], "when": {"model.architecture.d_model": 64}}
    model = {"init": "random", "architecture": {"d_model": 64}}
    config = with_space({"training.weight_decay": entry}, model=model)
    assert config.optuna.search_space["training.weight_decay"].when == {}
    config = with_space({"training.weight_decay": entry})
    assert not is_active(config.optuna.search_space["training.weight_decay"], {})


# counting


@pytest.mark.parametrize(
    ("space", "count"),
    [
        ({}, 1),
        ({"a": choice(1, 2, 3)}, 3),
        ({"a": choice(1, 2, 3), "b": choice(1, 2)}, 6),
        ({"a": choice(1, 2, 3), "b": choice(1, 2, a=1)}, 4),
        ({"b": choice(1, 2, a=1), "a": choice(1, 2, 3)}, 4),
        ({"a": choice(1, 2), "b": choice(1, 2, a=1), "c": choice(1, 2, 3, b=2)}, 5),
        ({"a": choice(1, 2), "b": FloatEntry(low=0, high=1)}, None),
        ({"a": choice(1, 2), "b": FloatEntry(low=0, high=1, when={"a": (1,)})}, None),
        ({"a": choice(1, 2), "b": FloatEntry(low=0, high=1, when={"a": (9,)})}, 2),
        ({"a": FloatEntry(low=0, high=1, step=0.25)}, 5),
        ({"a": IntEntry(low=1, high=10**9)}, 10**9),
        ({"a": IntEntry(low=1, high=10**9), "b": choice(1, 2, a=5)}, 10**9 + 1),
        ({"a": FloatEntry(low=0, high=1), "b": choice(1, 2, a=0.5)}, None),
    ],
)
def test_parameter_sets_are_counted(space, count):
    assert combinations(space) == count


small = st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True).map(tuple)


@st.composite
def conditional_spaces(draw):
    """Draws small spaces in which entries depend on earlier ones."""
    space = {}
    for name in "abc"[: draw(st.integers(0, 3))]:
        earlier = draw(st.sets(st.sampled_from(sorted(space)), max_size=2)) if space else ()
        when = {other: draw(small) for other in sorted(earlier)}
        space[name] = CategoricalEntry(choices=draw(small), when=when)
    return space


@settings(deadline=None)
@given(conditional_spaces())
def test_counting_agrees_with_listing(space):
    draws = set()
    for values in product(*(entry.choices for entry in space.values())):
        active: dict[str, object] = {}
        for (field, entry), value in zip(space.items(), values, strict=True):
            if is_active(entry, active):
                active[field] = value
        draws.add(tuple(active.items()))
    assert combinations(space) == len(draws)
    assert len(list(corner_draws(space))) == len(draws)


@pytest.mark.parametrize(
    ("space", "epochs", "per_epoch", "most"),
    [
        ({}, 20, 1, 20),
        ({}, 20, 3, 60),
        ({EPOCHS: {"low": 10, "high": 30, "step": 5}}, 50, 1, 30),
        ({EPOCHS: {"choices": [3, 12, 7]}}, 50, 2, 24),
        ({EPOCHS: {"choices": [3, 12], "when": {LR: 1e-5}}, LR: {"choices": [1e-5]}}, 50, 1, 50),
        ({EPOCHS: {"choices": [3, 60], "when": {LR: 1e-5}}, LR: {"choices": [1e-5]}}, 50, 1, 60),
    ],
)
def test_most_evaluations_of_a_trial(with_space, space, epochs, per_epoch, most):
    training = {"num_train_epochs": epochs, "evaluations_per_epoch": per_epoch}
    assert max_evaluations(with_space(space, training=training)) == most


# draws


def test_drawn_parameters_go_into_their_fields():
    config = load("kobart")
    drawn = apply(config, {LR: 2.9607793207038128e-05, EPOCHS: 15, "generation.num_beams": 2})
    assert drawn.training.learning_rate == 2.9607793207038128e-05
    assert (drawn.training.num_train_epochs, drawn.generation.num_beams) == (15, 2)
    assert config.training.num_train_epochs == 20
    assert drawn.optuna == config.optuna


def test_drawn_parameters_of_the_architecture_go_there():
    drawn = apply(load("demo"), {"model.architecture.encoder_layers": 2})
    assert drawn.model.architecture["encoder_layers"] == 2


def test_nothing_drawn_changes_nothing():
    assert apply(load("demo"), {}) == load("demo")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({LR: 3.0}, "training.learning_rate: 3.0 is out of range"),
        ({EPOCHS: 1.5}, "is not a whole number"),
        ({"training.nope": 1}, "unknown key training.nope"),
        ({"nope.nope": 1}, "unknown field nope.nope"),
        ({"general.seed.x": 1}, "unknown field general.seed.x"),
        ({"model.architecture.d_model": 64}, "write model.init: random"),
    ],
)
def test_a_draw_that_does_not_fit_is_refused(params, reason):
    with pytest.raises(ConfigError, match=reason):
        apply(load("kobart"), params)


@settings(deadline=None, max_examples=50)
@given(st.floats(1e-5, 5e-4), st.floats(0, 0.2))
def test_a_drawn_float_is_kept_to_the_last_digit(rate, warmup):
    drawn = apply(KOBART, {LR: rate, "training.warmup_ratio": warmup})
    again = from_mapping(to_mapping(drawn))
    assert (again.training.learning_rate, again.training.warmup_ratio) == (rate, warmup)


# corners


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        (choice("a", "b", "c"), ("a", "b", "c")),
        (FloatEntry(low=0, high=1), (0.0, 1.0)),
        (FloatEntry(low=1, high=1), (1.0,)),
        (IntEntry(low=2, high=6, step=2), (2, 4, 6)),
        (IntEntry(low=0, high=100, step=10), (0, 10, 50, 90, 100)),
    ],
)
def test_corners_are_where_a_value_is_likeliest_to_be_wrong(entry, values):
    assert corners(entry) == values


def test_a_large_space_is_not_tried_wholly():
    space = {name: choice(*range(10)) for name in "abcdef"}
    draws = list(corner_draws(space))
    assert 10 < len(draws) <= MOST_DRAWS
    assert all(set(draw) == set("abcdef") for draw in draws)


def test_what_a_condition_leaves_out_is_not_in_the_draw():
    draws = list(corner_draws({"a": choice(1, 2), "b": choice(3, 4, a=1)}))
    assert draws == [{"a": 1, "b": 3}, {"a": 1, "b": 4}, {"a": 2}]
