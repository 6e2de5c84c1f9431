"""The noise of the metric says where it comes from."""

import random

import pytest

from hpo.report.noise import noise, noise_of


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
