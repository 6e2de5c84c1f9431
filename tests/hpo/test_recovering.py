"""Which curves that fell are on their way back."""

import math

import pytest
from optuna.trial import create_trial

from hpo.learning_curve import LearningCurve
from hpo.recovering import may_recover


def _may(*values: float, best: float = 0.5, last: int = 20, noise: float = 0.001) -> bool:
    reported = dict(enumerate(values, start=1))
    curve = LearningCurve.of(create_trial(value=0.0, intermediate_values=reported), sign=1.0)
    return may_recover(curve, best=best, last=last, noise=noise)


def test_a_climb_that_reaches_the_best_in_time_may() -> None:
    assert _may(0.3, 0.1, 0.13, 0.16, 0.19)
    assert not _may(0.3, 0.1, 0.11, 0.12, 0.13)
    assert _may(0.3, 0.1, 0.11, 0.12, 0.13, last=43)


def test_one_bad_evaluation_on_the_climb_does_not_end_it() -> None:
    climb = [0.3, 0.1, 0.13, 0.16, 0.19]
    assert _may(*climb, 0.22, 0.05)
    assert not _may(*climb, 0.05, 0.05)


def test_what_never_fell_or_only_by_noise_is_no_recovery() -> None:
    assert not _may(0.1, 0.13, 0.16, 0.19)
    assert not _may(0.1, 0.098, 0.13, 0.16, 0.19, noise=0.001)
    assert _may(0.1, 0.098, 0.13, 0.16, 0.19, noise=0.0005)


def test_four_evaluations_do_not_tell_unless_the_fall_was_too_deep() -> None:
    assert _may(0.3, 0.25, 0.2, 0.1)
    assert not _may(0.3, 0.1, 0.1, 0.1, 0.1)
    assert not _may(0.3, -30.0, -10.0)


def test_only_what_comes_after_the_lowest_counts() -> None:
    assert _may(0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0.1, 0.15)


def test_a_fall_without_end_is_none() -> None:
    assert not _may(0.3, -math.inf, -1e300, -1e308, -1e308)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_metrics_unit_does_not_matter(scale: float) -> None:
    climb = [scale * value for value in (0.3, 0.1, 0.13, 0.16, 0.19)]
    assert _may(*climb, best=0.5 * scale, noise=0.001 * scale)
    assert not _may(*climb, best=0.9 * scale, noise=0.001 * scale)
