"""Importances are shown where there is something to tell, without words of Optuna's."""

import warnings
from datetime import datetime

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from hpo.report.importances import importance_of, percent
from hpo.report.plots import plots

KINDS = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}


def study_of(values, params):
    study = optuna.create_study(direction="maximize")
    for value, given in zip(values, params, strict=True):
        kinds = {name: KINDS[name] for name in given}
        study.add_trial(create_trial(value=value, params=given, distributions=kinds))
    return study


@pytest.mark.parametrize(
    ("values", "params"),
    [
        ([0.1, 0.2], [{"x": 0.1, "y": 0.5}, {"x": 0.9, "y": 0.5}]),
        ([0.1, 0.2, 0.3], [{"x": 0.1, "y": 0.5}, {"x": 0.9, "y": 0.2}, {}]),
        ([0.2, 0.2, 0.2], [{"x": 0.1, "y": 0.5}, {"x": 0.9, "y": 0.2}, {"x": 0.4, "y": 0.3}]),
        ([0.1, 0.2], [{}, {}]),
    ],
    ids=["few", "one without settings", "all alike", "none with settings"],
)
def test_few_and_odd_trials_make_no_warning(values, params):
    study = study_of(values, params)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importance_of(study)
        plots(study, "rouge")


def test_trials_that_are_all_alike_make_no_setting_as_important_as_another():
    assert importance_of(study_of([0.2] * 3, [{"x": 0.1 * n, "y": 0.5} for n in range(3)])) == {}


def test_shares_come_to_one():
    study = study_of([0.1 * n for n in range(9)], [{"x": 0.1 * n, "y": 0.5} for n in range(9)])
    found = importance_of(study)
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=found.get) == "x"


def test_a_share_that_is_next_to_nothing_is_not_rounded_up():
    assert list(map(percent, (0.9, 0.0946, 0.01, 0.0054))) == ["90%", "9%", "1%", "under 1%"]


def test_the_timeline_names_its_time_zone():
    axis = plots(study_of([0.1, 0.2], [{}, {}]), "rouge")["timeline"].figure.layout.xaxis
    assert f"(UTC{datetime.now().astimezone():%z})" in axis.title.text
