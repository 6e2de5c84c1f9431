import time

import pytest

from benchmarks.trial.report import difference, parts, quality, times
from benchmarks.trial.trained import Clock, Trained


def trained(seconds: float, value: float) -> Trained:
    return Trained(seconds, seconds / 2, (value - 0.1, value), {"training steps": seconds})


RUNS = {
    "hpo": [trained(2.0, 0.5), trained(4.0, 0.6)],
    "the recipe": [trained(12.0, 0.5), trained(20.0, 0.5)],
}


def test_times_are_told_as_ratios_of_the_same_round():
    line = times(RUNS).splitlines()[-1]
    assert "5.5 (5 to 6)" in line


def test_value_is_the_best_evaluations_and_quality_shows_every_seed():
    assert "0.5500 +- 0.0707   0.5000 0.6000" in quality(RUNS)


def test_difference_is_of_pairs_with_one_seed():
    gap, error = difference(RUNS, "the recipe")
    assert gap == pytest.approx(0.05)
    assert error == pytest.approx(0.05)


def test_parts_are_shares_of_the_whole():
    assert "training steps 3.00 s (100%)" in parts(RUNS)


class Work:
    def outer(self) -> str:
        time.sleep(0.001)
        return self.inner()

    def inner(self) -> str:
        return "done"


def test_a_part_within_another_is_counted_once_and_the_rest_is_the_remainder():
    clock, work = Clock(), Work()
    with clock.running({"outer": ((Work, "outer"),), "inner": ((Work, "inner"),)}):
        assert work.outer() == "done"
    assert set(clock.parts) == {"outer", "inner", "the rest"}
    assert sum(clock.parts.values()) == pytest.approx(clock.cpu_seconds, abs=1e-4)
    assert Work.outer.__name__ == "outer"
