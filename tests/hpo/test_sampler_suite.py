"""Optuna's own suite for samplers, over those that are ours."""

import optuna
import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    MultiObjectiveSamplerTestCase,
    RelativeSamplerTestCase,
)

from config.schema import Configuration
from hpo.curve_tpe import CurveTPESampler
from hpo.distinct import DistinctSampler
from hpo.incremental_tpe import IncrementalTPESampler


def tpe():
    return optuna.samplers.TPESampler(n_startup_trials=0, seed=1)


class TestCurveTPE(BasicSamplerTestCase, RelativeSamplerTestCase):
    """A search here has one objective, so what has several is left to Optuna's own."""

    @pytest.fixture
    def sampler(self):
        return lambda: CurveTPESampler(seed=1, n_startup_trials=0, n_ei_candidates=24, group=False)


class TestIncrementalTPE(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    """With several objectives it is Optuna's."""

    @pytest.fixture
    def sampler(self):
        return lambda: IncrementalTPESampler(
            seed=1,
            n_startup_trials=0,
            n_ei_candidates=24,
            multivariate=True,
            group=False,
            constant_liar=True,
        )


class TestDistinctOverTPE(
    BasicSamplerTestCase, RelativeSamplerTestCase, MultiObjectiveSamplerTestCase
):
    """With an empty space nothing is compared, and the inner sampler shows through whole."""

    @pytest.fixture
    def sampler(self):
        return lambda: DistinctSampler(tpe(), {}, seed=1)


class TestDistinctOverRandom(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Random is no relative sampler; what it lacks, Optuna's suite for those would miss."""

    @pytest.fixture
    def sampler(self):
        return lambda: DistinctSampler(optuna.samplers.RandomSampler(seed=1), {}, seed=1)


class TestDistinctWithASpaceOfItsOwn(BasicSamplerTestCase, MultiObjectiveSamplerTestCase):
    """Its space is the pinned one, so the suite's own parameters are drawn one by one beside it.

    The suite for relative samplers hands over other spaces, which a pinned search never does.
    """

    @pytest.fixture
    def sampler(self, space):
        return lambda: DistinctSampler(tpe(), space, seed=1)

    @pytest.fixture
    def space(self):
        options = {"search_space": {"training.learning_rate": {"low": 1e-5, "high": 1e-3}}}
        given = {"model": {"name": "gogamza/kobart-base-v2"}, "optuna": options}
        return Configuration.model_validate(given).optuna.search_space
