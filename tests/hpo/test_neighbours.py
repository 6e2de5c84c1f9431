"""Walking a finite space outwards."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpo.neighbours import neighbours, values_of

GRID = {"a": [1, 2, 3, 4, 5], "b": ["x", "y"], "c": [0.5]}


def test_the_walk_starts_at_the_centre_and_visits_everything_once() -> None:
    centre = {"a": 3, "b": "x", "c": 0.5}
    walked = list(neighbours(centre, GRID, random.Random(0)))
    assert walked[0] == centre
    assert len({tuple(point.items()) for point in walked}) == len(walked) == 10


@given(st.integers(1, 5), st.sampled_from("xy"), st.integers(0, 1000))
def test_points_that_differ_in_fewer_parameters_come_first(a: int, b: str, seed: int) -> None:
    centre = {"a": a, "b": b, "c": 0.5}
    walked = neighbours(centre, GRID, random.Random(seed))
    changes = [sum(point[name] != centre[name] for name in centre) for point in walked]
    assert changes == sorted(changes)


def test_the_closest_values_come_first() -> None:
    walked = neighbours({"a": 2}, {"a": [1, 2, 3, 4, 5]}, random.Random(0))
    distances = [abs(point["a"] - 2) for point in walked]
    assert distances == sorted(distances)


def test_a_parameter_that_the_centre_lacks_starts_at_its_first_value() -> None:
    assert next(neighbours({"a": 4}, GRID, random.Random(0))) == {"a": 4, "b": "x", "c": 0.5}


def test_a_float_off_by_rounding_is_found_at_its_place() -> None:
    first = next(neighbours({"w": 0.1 + 0.2}, {"w": [0.1, 0.2, 0.3]}, random.Random(0)))
    assert first == {"w": 0.3}


@pytest.mark.parametrize(
    ("dist", "values"),
    [
        (CategoricalDistribution((8, "a", None)), [8, "a", None]),
        (IntDistribution(3, 9, step=3), [3, 6, 9]),
        (FloatDistribution(0.0, 0.3, step=0.1), [0.0, 0.1, 0.2, 0.3]),
        (FloatDistribution(0.5, 0.5), [0.5]),
        (FloatDistribution(0.5, 0.5, step=0.1), [0.5]),
    ],
)
def test_a_finite_distribution_lists_its_values(dist: object, values: list) -> None:
    assert values_of(dist) == values


def test_an_endless_distribution_has_no_list() -> None:
    with pytest.raises(TypeError, match="no list of values"):
        values_of(FloatDistribution(0.0, 1.0))
