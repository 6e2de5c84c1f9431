"""Samplers' and pruners' options against those of the installed Optuna."""

import inspect

import optuna
import pytest

from config import pruners, samplers
from config.errors import ConfigError
from config.load import from_mapping

PAIRS = [
    (samplers.TPE, optuna.samplers.TPESampler),
    (samplers.Random, optuna.samplers.RandomSampler),
    (samplers.Grid, optuna.samplers.GridSampler),
    (samplers.GP, optuna.samplers.GPSampler),
    (samplers.CmaEs, optuna.samplers.CmaEsSampler),
    (samplers.QMC, optuna.samplers.QMCSampler),
    (pruners.Median, optuna.pruners.MedianPruner),
    (pruners.Percentile, optuna.pruners.PercentilePruner),
    (pruners.Hyperband, optuna.pruners.HyperbandPruner),
    (pruners.SuccessiveHalving, optuna.pruners.SuccessiveHalvingPruner),
    (pruners.Patient, optuna.pruners.PatientPruner),
    (pruners.NoPruner, optuna.pruners.NopPruner),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda one: one.__name__)
def test_options_are_called_as_in_optuna(ours, theirs):
    known = inspect.signature(theirs).parameters
    assert [name for name in ours.model_fields if name != "name" and name not in known] == []


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda one: one.__name__)
def test_every_option_is_described(ours, theirs):
    del theirs
    fields = ours.model_fields.items()
    assert [name for name, one in fields if name != "name" and not one.description] == []


def test_samplers_defaults_are_optunas():
    signature = inspect.signature(optuna.samplers.TPESampler).parameters
    for name in ("n_startup_trials", "n_ei_candidates", "constant_liar", "group"):
        assert getattr(samplers.TPE(), name) == signature[name].default


def test_pruners_warm_up_unlike_optunas():
    assert pruners.Median().n_warmup_steps == 5
    assert pruners.Hyperband().min_resource == 5


def test_both_pruners_options_make_the_combined_ones():
    both = set(pruners.Median.model_fields) | set(pruners.Hyperband.model_fields)
    assert set(pruners.MedianHyperband.model_fields) == both
    assert next(iter(pruners.MedianHyperband.model_fields)) == "name"


@pytest.mark.parametrize(
    ("section", "written", "reason"),
    [
        ("sampler", {"name": "tpe", "multivariate": False, "group": True}, "group: true needs"),
        (
            "sampler",
            {"name": "cmaes", "use_separable_cma": True, "with_margin": True},
            "exclude each other; choose one",
        ),
        ("sampler", {"name": "cmaes", "popsize": 1}, "at least 2"),
        ("sampler", {"name": "qmc", "qmc_type": "sobel"}, "did you mean sobol"),
        ("sampler", {"name": "random", "n_startup_trials": 3}, "valid here: name"),
        ("pruner", {"name": "median", "n_warmup_steps": -1}, "at least 0"),
        ("pruner", {"name": "median", "interval_steps": 0}, "at least 1"),
        ("pruner", {"name": "hyperband", "min_resource": 0}, "at least 1"),
        ("pruner", {"name": "hyperband", "reduction_factor": 1}, "at least 2"),
        ("pruner", {"name": "percentile", "percentile": 101}, "at most 100"),
        ("pruner", {"name": "patient", "patience": -1}, "at least 0"),
        ("pruner", {"name": "patient", "wrapped_pruner": {"name": "patient"}}, "is not one of"),
        ("pruner", {"name": "none", "n_warmup_steps": 3}, "unknown key optuna.pruner"),
    ],
)
def test_options_that_optuna_would_refuse_are_refused(section, written, reason):
    with pytest.raises(ConfigError, match=reason) as refusal:
        from_mapping({"optuna": {section: written}})
    assert f"optuna.{section}" in str(refusal.value)
