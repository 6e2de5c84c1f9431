"""The probability that a candidate is the best, against formulas and by its properties."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hpo.confirm.posterior import posterior

VALUES = st.lists(
    st.lists(st.floats(0.3, 0.5, allow_subnormal=False), max_size=4), min_size=2, max_size=5
)


def test_two_candidates_have_the_probability_of_students_t() -> None:
    first, second = [0.45, 0.452, 0.455], [0.449, 0.4535]
    found = posterior([first, second])
    assert found is not None
    assert found.degrees == 3
    test = stats.ttest_ind(first, second, alternative="greater")
    assert found.best[0] == pytest.approx(1 - test.pvalue, abs=0.006)
    pooled = (2 * stats.tvar(first) + stats.tvar(second)) / 3
    assert found.sd == pytest.approx(pooled**0.5)


def test_three_alike_have_a_third_each_and_one_far_above_has_all() -> None:
    alike = posterior([[0.40, 0.42], [0.41, 0.41], [0.42, 0.40]])
    assert alike is not None
    assert alike.best == pytest.approx([1 / 3] * 3, abs=0.01)
    above = posterior([[0.40, 0.402], [0.9, 0.902], [0.40, 0.402]])
    assert above is not None
    assert above.best[1] > 0.99


def test_no_noise_decides_and_equal_means_share() -> None:
    found = posterior([[0.4, 0.4], [0.5, 0.5], [0.5, 0.5]])
    assert found is not None
    assert found.best == (0.0, 0.5, 0.5)


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
    assert after.best[0] >= before.best[0] - 1e-9
