"""What one curve says of itself: its level, its slope, its noise."""

import math

import numpy as np
import pytest
from optuna.trial import create_trial

from hpo.learning_curve import LearningCurve


def _curve(*values: float, sign: float = 1.0, first: int = 1) -> LearningCurve:
    reported = dict(enumerate(values, start=first))
    return LearningCurve.of(create_trial(value=0.0, intermediate_values=reported), sign=sign)


def test_a_line_through_a_straight_curve_is_the_curve() -> None:
    line = _curve(0.1, 0.2, 0.3, 0.4, 0.5).line(5)
    assert (line.level, line.slope) == (pytest.approx(0.5), pytest.approx(0.1))


def test_the_line_sees_the_second_half_and_three_evaluations_at_least() -> None:
    assert _curve(9, 9, 9, 9, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0).line(10).slope == pytest.approx(
        np.polyfit([5, 6, 7, 8, 9, 10], [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 1)[0]
    )
    assert _curve(9, 0.1, 0.2, 0.3).line(4).slope == pytest.approx(0.1)


def test_the_line_begins_where_it_is_told_however_few_are_left() -> None:
    assert _curve(9, 0.1, 0.2, 0.4).line(4, since=2).slope == pytest.approx(0.2)


def test_the_best_until_a_step_and_the_lowest() -> None:
    curve = _curve(0.3, 0.1, 0.4, 0.2)
    assert [curve.best_until(step) for step in (0, 2, 3, 9)] == [-math.inf, 0.3, 0.4, 0.4]
    assert (curve.lowest(1), curve.lowest(4)) == (0, 1)


def test_fewer_evaluations_make_do() -> None:
    assert _curve(0.3).line(1).slope == 0
    assert _curve(0.3, 0.5).line(2).slope == pytest.approx(0.2)


def test_the_slopes_standard_error_is_that_of_least_squares() -> None:
    assert _curve(0, 0, 0, 0).line(4).error == pytest.approx(1 / math.sqrt(2))


def test_the_noise_of_independent_errors_is_found() -> None:
    rng = np.random.default_rng(0)
    found = [
        _curve(*(0.01 * np.arange(12) + rng.normal(0, 0.003, 12))).noise(12) for _ in range(200)
    ]
    assert np.median(found) == pytest.approx(0.003, rel=0.15)


def test_a_jump_and_a_bad_evaluation_are_no_noise() -> None:
    flat = [0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31, 0.30, 0.31]
    jump = [*flat[:5], *(value + 0.4 for value in flat[5:])]
    bad = [*flat[:5], 0.0, *flat[6:]]
    usual = _curve(*flat).noise(10)
    assert _curve(*jump).noise(10) == pytest.approx(usual)
    assert _curve(*bad).noise(10) == pytest.approx(usual)


def test_no_curve_has_no_noise_and_a_constant_one_only_rounding() -> None:
    assert _curve(math.nan).noise(0) == 0
    assert 0 < _curve(0.3, 0.3, 0.3).noise(3) < 1e-9


def test_reports_that_are_no_number_are_left_out() -> None:
    curve = _curve(0.1, math.nan, 0.3, math.inf, 0.5)
    assert curve.steps == (1, 3, 5)
    assert curve.best == (0.1, 0.3, 0.5)


def test_less_may_be_better() -> None:
    assert _curve(0.7, 0.5, 0.6, sign=-1.0).best == (-0.7, -0.5, -0.5)


def test_steps_that_count_from_zero_are_counted_from_one() -> None:
    assert _curve(0.1, 0.2, first=0).steps == (1, 2)


def test_until_counts_the_evaluations_there_were() -> None:
    curve = _curve(0.1, math.nan, 0.3)
    assert [curve.until(step) for step in (0, 1, 2, 3, 9)] == [0, 1, 1, 2, 2]
