"""Asks measured turn about: a worker of each side, and the ratio of their pairs."""

import pytest

from benchmarks.storage.turns import paired


def test_the_ratio_is_that_of_calls_that_follow_each_other() -> None:
    """The machine gets slower and slower, which both sides' calls have in common."""
    plain = [0.1 * 1.1**n for n in range(40)]
    found = paired([0.5 * seconds for seconds in plain], plain)
    assert (found.median, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_range_is_the_medians_and_not_the_pairs() -> None:
    ours = [0.4, 0.6] * 100 + [5.0]
    found = paired(ours, [1.0] * len(ours))
    assert 0.4 <= found.low <= found.median <= found.high <= 0.6
