import pytest

from benchmarks.storage.crowd import Measured
from benchmarks.storage.fill import EVALUATIONS, OURS, PLAIN
from benchmarks.storage.report import Cell, growth, lines, quantile
from benchmarks.storage.workers import ASK, REPORT, TELL, whole_trials


def measured(*, ask, report, tell):
    return Measured({ASK: [ask] * 2, REPORT: [report] * 2 * EVALUATIONS, TELL: [tell] * 2})


def cell(trials, report):
    made = Cell(trials, 1)
    made.rounds[OURS] += [measured(ask=2.0, report=report, tell=1.0)] * 2
    made.rounds[PLAIN] += [measured(ask=4.0, report=1.0, tell=1.0)] * 2
    return made


def test_quantile_is_a_measured_value():
    assert quantile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert quantile([1.0, 2.0], 0.99) == 2.0
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_a_trial_is_one_ask_its_reports_and_one_tell():
    assert whole_trials(measured(ask=2.0, report=0.5, tell=1.0).seconds) == [7.0, 7.0]
    assert cell(100, 0.5).share(OURS) == 7.0 / 300


def test_growth_is_that_of_the_most_trials_over_the_fewest():
    cells = [cell(10_000, 0.9), cell(100, 0.6), cell(1_000, 0.7)]
    found = growth(cells, OURS, REPORT, workers=1)
    assert found is not None
    assert found.median == pytest.approx(1.5)
    assert growth(cells[:1], OURS, REPORT, workers=1) is None


def test_table_has_a_line_for_each_call_with_the_ratio():
    assert (
        lines([cell(100, 0.5)])[2]
        == "| 100 | 1 | 2 | ask | 2000.0 | 2000.0 | 4000.0 | 4000.0 | 0.5 (0.5 to 0.5) |"
    )


def test_errors_say_whose_they_are():
    made = cell(100, 0.5)
    made.rounds[PLAIN][0].errors.append("w1: broken")
    assert made.errors == ["plain: w1: broken"] * 2
