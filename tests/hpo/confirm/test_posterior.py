"""The probability that a candidate is the best, against formulas and by its properties."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from hpo.confirm.posterior import posterior

VALUES = st.lists(
    st.lists(st.floats(0.3, 0.5, allow_subnormal=False), max_size=4), min_size=2, max_size=5
)


def two_by_quadrature(first: list[float], second: list[float]) -> float:
    """The probability of the first of two candidates with equally many runs.

    Given tau / sigma the difference is Student t; over the ratio it is integrated by scipy.
    """
    n, degrees = len(first), 2 * len(first) - 2
    squares = degrees / 2 * (stats.tvar(first) + stats.tvar(second))
    gap = np.mean(first) - np.mean(second)

    def likely(ratio: float) -> float:
        variance = 1 / n + ratio**2
        spread = squares + gap**2 / 2 / variance
        prior = 1 / (1 + ratio**2)
        return prior * variance**-0.5 * (spread / squares) ** (-(degrees + 1) / 2)

    def above(ratio: float) -> float:
        kept = n * ratio**2 / (n * ratio**2 + 1)
        spread = squares + gap**2 / 2 / (1 / n + ratio**2)
        scale = math.sqrt(spread / (degrees + 1) * 2 * kept / n)
        return likely(ratio) * stats.t(degrees + 1).cdf(kept * gap / scale)

    return quad(above, 1e-6, math.inf)[0] / quad(likely, 1e-6, math.inf)[0]


@pytest.mark.parametrize("gap", [0.0, 0.001, 0.005, 0.02])
def test_two_candidates_have_the_probability_that_quadrature_finds(gap: float) -> None:
    first, second = [0.45 + gap, 0.452 + gap, 0.455 + gap], [0.449, 0.4535, 0.4545]
    found = posterior([first, second])
    assert found is not None
    assert found.degrees == 4
    assert found.best[0] == pytest.approx(two_by_quadrature(first, second), abs=0.006)
    assert found.sd == pytest.approx(((stats.tvar(first) + stats.tvar(second)) / 2) ** 0.5)


def test_what_is_said_is_so_where_candidates_lie_as_far_apart_as_the_prior_has_them() -> None:
    """With different numbers of runs, one of them a single one."""
    chance, said, so = np.random.default_rng(3), [], []
    for _ in range(1500):
        true = abs(chance.standard_cauchy()) * chance.standard_normal(4)
        runs = [
            chance.normal(mean, 1, n).tolist() for mean, n in zip(true, (1, 2, 3, 6), strict=True)
        ]
        found = posterior(runs, draws=500)
        assert found is not None
        said += found.best
        so += list(true == true.max())
    probability, right = np.array(said), np.array(so)
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 0.6), (0.6, 0.9), (0.9, 1.1)):
        there = (low <= probability) & (probability < high)
        error = right[there].std() / there.sum() ** 0.5
        assert abs(probability[there].mean() - right[there].mean()) < 3.5 * error


def test_candidates_within_the_noise_are_drawn_together() -> None:
    chance, said = np.random.default_rng(1), []
    for _ in range(200):
        found = posterior(chance.normal(0.4, 0.003, (5, 3)).tolist(), draws=2000)
        assert found is not None
        said.append(max(found.best))
    assert np.mean(said) < 0.47  # .60 if each were taken for itself


def test_three_alike_have_a_third_each_and_one_far_above_has_all() -> None:
    alike = posterior([[0.40, 0.42], [0.41, 0.41], [0.42, 0.40]])
    assert alike is not None
    assert alike.best == pytest.approx([1 / 3] * 3, abs=0.01)
    above = posterior([[0.40, 0.402], [0.9, 0.902], [0.40, 0.402]])
    assert above is not None
    assert above.best[1] > 0.99


def test_the_further_ahead_the_surer_up_to_certainty() -> None:
    said = []
    for gap in (0.0, 0.002, 0.005, 0.01, 0.1, 10.0):
        found = posterior([[0.4 + gap, 0.402 + gap], [0.4, 0.402], [0.399, 0.401]])
        assert found is not None
        said.append(found.best[0])
    assert said == sorted(said)
    assert said[-1] > 0.9999


def test_neither_order_nor_unit_matters() -> None:
    runs = [[0.41, 0.43], [0.42], [0.425, 0.429, 0.431], [0.40, 0.41]]
    found = posterior(runs)
    turned = posterior(runs[::-1])
    larger = posterior([[100 * value + 7 for value in each] for each in runs])
    assert found is not None
    assert turned is not None
    assert larger is not None
    assert turned.best[::-1] == pytest.approx(found.best, abs=0.006)
    assert larger.best == pytest.approx(found.best, abs=1e-4)
    assert larger.sd == pytest.approx(100 * found.sd)


def test_what_is_expected_of_the_highest_mean_is_so_on_average() -> None:
    """The mean itself is too high: it is the highest for its luck too."""
    chance, over, expected_over = np.random.default_rng(2), [], []
    for _ in range(500):
        true = abs(chance.standard_cauchy()) * chance.standard_normal(5)
        runs = chance.normal(true, 1, (3, 5)).T
        found, first = posterior(runs.tolist(), draws=500), int(runs.mean(axis=1).argmax())
        assert found is not None
        over.append(runs[first].mean() - true[first])
        expected_over.append((found.expected[first] or 0.0) - true[first])
    assert np.mean(over) > 0.25
    assert abs(np.mean(expected_over)) < 0.1


def test_each_is_expected_between_its_own_mean_and_that_of_all() -> None:
    found = posterior([[0.44, 0.45], [0.43, 0.44], [0.42, 0.43], []])
    assert found is not None
    high, middle, low, never = found.expected
    assert never is None
    assert high is not None
    assert middle == pytest.approx(0.435, abs=2e-4)
    assert low is not None
    assert 0.435 < high < 0.445
    assert 0.425 < low < 0.435


def test_no_noise_decides_and_equal_means_share() -> None:
    found = posterior([[0.4, 0.4], [0.5, 0.5], [0.5, 0.5]])
    assert found is not None
    assert found.best == (0.0, 0.5, 0.5)
    equal = posterior([[0.4, 0.4], [0.4], [0.4]])
    assert equal is not None
    assert equal.best == pytest.approx([1 / 3] * 3)
    assert equal.expected == (0.4, 0.4, 0.4)


def test_one_run_each_says_nothing() -> None:
    assert posterior([[0.4], [0.5]]) is None
    assert posterior([[], []]) is None


def test_the_same_runs_give_the_same_answer() -> None:
    assert posterior([[0.4, 0.41], [0.42]]) == posterior([[0.4, 0.41], [0.42]])


@settings(deadline=None, max_examples=40)
@given(values=VALUES)
def test_probabilities_sum_to_one_and_what_never_ran_has_none(values: list[list[float]]) -> None:
    found = posterior(values, draws=500)
    if all(len(runs) < 2 for runs in values):
        assert found is None
        return
    assert found is not None
    assert sum(found.best) == pytest.approx(1)
    assert all(p == 0 for p, runs in zip(found.best, values, strict=True) if not runs)


@settings(deadline=None, max_examples=30)
@given(shift=st.floats(0, 0.02), low=st.floats(0.3, 0.4))
def test_a_higher_mean_is_never_less_probable(shift: float, low: float) -> None:
    other = [0.35, 0.354, 0.349]
    before = posterior([[low, low + 0.004], other], draws=2000)
    after = posterior([[low + shift, low + shift + 0.004], other], draws=2000)
    assert before is not None
    assert after is not None
    assert after.best[0] >= before.best[0] - 0.01  # the draws differ
