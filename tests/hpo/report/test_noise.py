"""The noise of the metric says where it comes from."""

import random

import numpy as np
import pytest

from hpo.report.noise import Noise, noise, noise_of


def test_too_few_curves_tell_nothing(written):
    study = written()
    study.complete([0.1, 0.2, 0.3, 0.35, 0.36, 0.37])
    assert noise_of(study.facts()) is None
    (text,) = noise(study.facts()).blocks
    assert "Not known" in str(text)


def test_curves_give_the_noise_that_was_put_into_them(written):
    study, drawn = written(), random.Random(1)
    for _ in range(12):
        study.complete([0.4 + 0.01 * step + drawn.gauss(0, 0.005) for step in range(10)])
    found = noise_of(study.facts())
    assert found is not None
    assert found.sd == pytest.approx(0.005, rel=0.4)
    assert not found.seeds
    assert "not from reruns" in found.how


@pytest.mark.parametrize("degrees", [1, 3, 10])
def test_values_of_one_mean_are_called_apart_once_in_twenty_however_few_the_reruns(
    degrees: int,
) -> None:
    chance = np.random.default_rng(2)
    estimates = np.sqrt(chance.chisquare(degrees, 4000) / degrees)
    gaps = [Noise(sd, seeds=True, how="", degrees=degrees).gap for sd in estimates]
    one, other = chance.standard_normal((2, 4000))
    assert float(np.mean(np.abs(one - other) >= gaps)) == pytest.approx(0.05, abs=0.015)


def test_the_gap_of_an_sd_that_is_known_is_that_of_the_normal_distribution() -> None:
    assert Noise(0.01, seeds=False, how="").gap == pytest.approx(1.96 * 2**0.5 * 0.01, rel=1e-4)
