"""The permutation test: worked out by hand, and surprised by nothing where nothing differs."""

import pytest

from benchmarks.permutation import chance_of_gap


def test_two_of_twenty_ways_part_six_values_this_far() -> None:
    assert chance_of_gap([1, 2, 3], [10, 11, 12]) == pytest.approx(2 / 20)
    assert chance_of_gap([10, 11, 12], [1, 2, 3]) == pytest.approx(2 / 20)


def test_equal_groups_differ_by_chance() -> None:
    assert chance_of_gap([1, 2, 3], [3, 2, 1]) == 1


def test_of_many_ways_some_are_drawn() -> None:
    near = [number / 100 for number in range(12)]
    assert chance_of_gap(near, [value + 1 for value in near]) < 0.001
    assert chance_of_gap(near, near) > 0.9
