"""Expected ends of curves, from those that went on."""

import numpy as np
import pytest

from hpo.curve_scores import Expected, chance_among_best, expected

NAN = np.nan


def ends(rows: list[list[float]], final: list[float]) -> Expected:
    width = max(map(len, rows))
    best = np.array([row + [NAN] * (width - len(row)) for row in rows])
    return expected(best, np.array([len(row) for row in rows]), np.array(final))


def test_a_stopped_trial_is_expected_to_end_as_its_equals_did() -> None:
    went_on = [[1, 5, 9], [2, 6, 10], [3, 7, 11]]
    given = ends([*went_on, [2.5], [1, 5.5]], [9, 10, 11, NAN, NAN])
    assert given.scores[:3].tolist() == [9, 10, 11]
    assert given.scores[3] > 10  # between the second and the third, which nobody stood at the end
    assert given.scores[4] == 9.5


def test_those_stopped_later_tell_what_to_expect_of_those_stopped_before() -> None:
    """The trial with 0.5 at first would have gone the way of the one that was stopped second."""
    given = ends([[1, 4, 8], [2, 5, 10], [0.4, 2], [0.5]], [8, 10, NAN, NAN])
    assert given.scores[2] == 6  # two below the worst that went on
    assert 6 < given.scores[3] < 8


def test_without_one_that_went_on_the_value_stands() -> None:
    given = ends([[1, 2], [1, 3]], [NAN, NAN])
    assert given.scores.tolist() == [2, 3]
    assert given.deviations.tolist() == [0, 0]


def test_nothing_is_expected_below_what_was_reached() -> None:
    given = ends([[1, 1], [2, 2], [9]], [1, 2, NAN])
    assert given.scores[2] == 9


def test_what_the_curve_falls_short_of_is_kept_at_both_sides() -> None:
    given = ends([[4, 10], [6, 20], [1], [7]], [10, 20, NAN, NAN])
    assert given.scores[2:].tolist() == [7, 21]


def test_ends_are_less_certain_the_less_ranks_keep() -> None:
    kept = ends([[1, 1], [2, 2], [3, 3], [2.2]], [1, 2, 3, NAN])
    turned = ends([[1, 3], [2, 2], [3, 3.1], [2.2]], [3, 2, 3.1, NAN])
    assert kept.deviations.tolist() == [0, 0, 0, 0]
    assert turned.deviations[3] > 0


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [2, 0, 1, 3, 4], [3, 2, 1, 0, 4]])
def test_who_has_equals_is_expected_to_end_in_their_middle(order: list[int]) -> None:
    """As with ROUGE 0 at first: what became of three that had it differs."""
    rows = [[0.0, 0.0], [0.0, 0.2], [0.0, 0.4], [0.1, 0.5], [0.0]]
    final = [0.0, 0.2, 0.4, 0.5, NAN]
    given = ends([rows[number] for number in order], [final[number] for number in order])
    assert given.scores[4] == pytest.approx(0.2)
    assert given.deviations[4] ** 2 == pytest.approx(0.08 / 4)


def test_a_guess_that_goes_by_guesses_has_their_doubt_too() -> None:
    """At the second evaluation the two that went on had changed places, at the first nobody had."""
    given = ends([[3, 1, 3], [1, 2, 1], [2, 1.5], [2.5]], [3, 1, NAN, NAN])
    assert given.scores.tolist() == [3, 1, 2, 2.5]
    assert given.deviations**2 == pytest.approx([0, 0, 4, 4 / 3])


@pytest.mark.parametrize("n_best", [1, 2, 3, 9])
def test_known_ends_are_among_the_best_or_not(n_best: int) -> None:
    given = Expected(np.array([3.0, 1.0, 2.0]), np.zeros(3))
    assert chance_among_best(given, n_best).sum() == min(n_best, 3)


@pytest.mark.parametrize(
    ("scores", "chances"),
    [([1, 1, 1, 1], [0.5] * 4), ([2, 1, 1, 0], [1, 0.5, 0.5, 0]), ([1, 1, 0, 0], [1, 1, 0, 0])],
)
def test_equals_share_the_places_that_are_left(scores: list[float], chances: list[float]) -> None:
    given = Expected(np.array(scores, dtype=float), np.zeros(4))
    assert chance_among_best(given, 2).tolist() == chances


def test_the_largest_number_as_a_penalty_makes_nobody_good() -> None:
    penalty = -np.finfo(np.float64).max
    given = Expected(np.array([-1.0, penalty, penalty, penalty]), np.zeros(4))
    assert chance_among_best(given, 1).tolist() == [1, 0, 0, 0]
    assert chance_among_best(given, 2).tolist() == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3])


def test_an_uncertain_end_is_partly_among_the_best() -> None:
    given = Expected(np.array([3.0, 2.0, 2.4, 0.0]), np.array([0, 0, 1.0, 0.1]))
    chance = chance_among_best(given, 1)
    assert chance[0] == 1
    assert chance[1] == 0
    assert 0.3 < chance[2] < 0.5
    assert chance[3] < 1e-6
