import random

import pytest

from benchmarks.search.curves import Curve, Task
from benchmarks.search.noise import evaluation_noise, noisy, seed_noise


def straight(*, reruns=()) -> Task:
    curves = tuple(
        Curve({"rate": rate / 20}, tuple(rate + step / 10 for step in range(60)), diverged=False)
        for rate in range(20)
    )
    return Task("straight", {}, curves, epochs=60, held_out=False, reruns=reruns)


def test_slope_of_a_curve_is_no_noise():
    assert evaluation_noise(straight()) == pytest.approx(0, abs=1e-9)


def test_noise_that_was_added_is_found_again():
    assert evaluation_noise(noisy(straight(), 0.5, seed=1)) == pytest.approx(0.5, rel=0.3)


def test_noise_is_the_same_for_the_same_seed_only():
    task, seed = straight(), random.Random(0).randrange(100)

    assert noisy(task, 0.5, seed) == noisy(task, 0.5, seed)
    assert noisy(task, 0.5, seed) != noisy(task, 0.5, seed + 1)


def test_noise_between_two_seeds_is_that_of_the_best_evaluations():
    task = straight(reruns=((0.1, 0.5), (0.7, 0.2)))

    assert seed_noise(task) == pytest.approx(0.2 / 2**0.5)
