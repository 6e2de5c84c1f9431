"""How curves bend, and what is expected of the next one."""

import math
from collections.abc import Callable

import pytest
from optuna.trial import create_trial

from hpo.bending import BENDS, bend_of, expected_bend, stretch
from hpo.learning_curve import LearningCurve


def _curve(rise: Callable[[int], float], length: int) -> LearningCurve:
    values = {step: rise(step) for step in range(1, length + 1)}
    return LearningCurve.of(create_trial(value=0.0, intermediate_values=values), sign=1.0)


def _bend(rise: Callable[[int], float], *, step: int = 10, length: int = 40) -> float | None:
    place = bend_of(_curve(rise, length), step)
    return None if place is None else BENDS[place]


def _seen(*bends: float) -> list[int]:
    return [bends.count(bend) for bend in BENDS]


def test_a_straight_rise_is_as_long_as_the_way() -> None:
    assert stretch(5.0, 0.0) == pytest.approx(4.0)
    assert stretch(5.0, 1.0) == pytest.approx(math.log(5.0))
    assert stretch(5.0, 2.0) == pytest.approx(0.8)
    assert stretch(1.0, 0.5) == 0


def test_the_stronger_the_bend_the_less_is_gained() -> None:
    gains = [stretch(4.0, bend) for bend in BENDS]
    assert gains == sorted(gains, reverse=True)


def test_lines_logarithms_and_ends_are_told_apart() -> None:
    assert _bend(lambda step: 0.01 * step) == pytest.approx(0.0)
    # The slope is that of the last steps' middle, where a logarithm was steeper.
    assert _bend(math.log) == pytest.approx(1.6, abs=0.2)
    assert _bend(lambda step: -math.exp(-step / 3)) == BENDS[-1]
    assert _bend(lambda step: 1e-4 * step**3) == BENDS[0]


def test_a_curve_that_is_hardly_longer_or_flat_tells_nothing() -> None:
    assert _bend(lambda step: 0.01 * step, length=14) is None
    assert _bend(lambda step: 0 * step + 0.3) is None
    assert bend_of(_curve(float, 0), 3) is None


def test_a_late_rise_out_of_the_noise_counts_as_the_least_bend() -> None:
    assert _bend(lambda step: 0.1 if step < 20 else 0.01 * step) == BENDS[0]


def test_before_any_curve_the_straight_line_is_within_two_deviations() -> None:
    assert expected_bend(_seen()).least(2.0) == 0
    assert expected_bend(_seen()).least(1.0) > 0


def test_curves_that_agree_narrow_what_is_expected_and_others_widen_it() -> None:
    some = [expected_bend(_seen(*[1.5] * count)) for count in (0, 1, 3, 10, 100)]
    assert [one.mean for one in some] == sorted(one.mean for one in some)
    assert [one.least(2) for one in some] == sorted(one.least(2) for one in some)
    assert 1.2 < some[-1].least(2) < 1.5
    assert expected_bend(_seen(*[1.5] * 10, *[-1.0] * 5)).least(2) == 0


def test_no_curve_is_expected_to_speed_up() -> None:
    assert expected_bend(_seen(*[-1.0] * 20)).least(0) == 0
