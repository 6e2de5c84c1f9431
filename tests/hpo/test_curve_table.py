"""Trials as rows, finished ones laid out once."""

import math

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.curve_table import FinishedTrials, column, curves

RATE = FloatDistribution(0, 1)


def trial(
    values: dict[int, float],
    *,
    number: int = 0,
    value: float | None = None,
    violated: bool = False,
    rate: float = 0.5,
) -> FrozenTrial:
    state = TrialState.PRUNED if value is None else TrialState.COMPLETE
    made = create_trial(
        state=state,
        value=value,
        intermediate_values=values,
        params={"rate": rate},
        distributions={"rate": RATE},
        system_attrs={"constraints:memory": 1.0} if violated else {},
    )
    made.number = number
    return made


def test_a_row_has_the_best_value_so_far() -> None:
    table = curves([trial({1: 0.2, 2: 0.1, 3: 0.4}), trial({1: 0.3})], sign=1)
    assert table.best.tolist()[0] == [0.2, 0.2, 0.4]
    assert table.best[1, 0] == 0.3
    assert np.isnan(table.best[1, 1:]).all()
    assert table.reached.tolist() == [3, 1]
    assert np.isnan(table.final).all()


def test_less_is_better_where_the_study_minimizes() -> None:
    table = curves([trial({1: 0.2, 2: 0.1}, value=0.1)], sign=-1)
    assert table.best.tolist() == [[-0.2, -0.1]]
    assert table.final.tolist() == [-0.1]


def test_steps_that_are_missing_repeat_what_was_before() -> None:
    table = curves([trial({2: 0.2, 4: 0.4, 5: math.nan, 6: math.inf})], sign=1)
    assert table.best.tolist() == [[0.2, 0.2, 0.2, 0.4]]


def test_a_curve_of_another_program_may_count_from_nought_and_up_to_a_million() -> None:
    table = curves([trial({0: 0.1, 1: 0.2, 101: 0.3, 10**6: 0.4})], sign=1)
    assert table.best.shape[1] < 1100
    assert table.best[0, [0, 1, 100, 101, -1]].tolist() == [0.1, 0.2, 0.2, 0.3, 0.4]


def test_it_does_not_matter_whether_a_study_counts_from_nought_or_from_one() -> None:
    nought, one = (
        curves([trial({first: 0.1, first + 1: 0.2}), trial({first: 0.3})], sign=1)
        for first in (0, 1)
    )
    assert nought.reached.tolist() == one.reached.tolist() == [2, 1]
    assert np.array_equal(nought.best, one.best, equal_nan=True)


def test_an_infeasible_trial_has_no_curve_and_no_score() -> None:
    infeasible = trial({1: 0.9}, violated=True), trial({1: 0.9}, value=0.9, violated=True)
    table = curves(infeasible, sign=1)
    assert table.reached.tolist() == [0, 0]
    assert np.isnan(table.final).all()
    assert table.violation.tolist() == [1, 1]


def test_a_score_without_a_curve_counts() -> None:
    table = curves([trial({}, value=0.4), trial({}, value=math.inf)], sign=1)
    assert table.reached.tolist() == [0, 0]
    assert table.final[0] == 0.4
    assert np.isnan(table.final[1])
    assert table.violation.tolist() == [0, math.inf]


def test_values_that_are_not_in_the_space_are_none() -> None:
    dist = IntDistribution(1, 4)
    given = column([{"n": 3}, {"n": 9}, {}, {"n": "three"}], "n", dist)
    assert given[0] == 3
    assert np.isnan(given[1:]).all()
    choices = CategoricalDistribution([8, 16])
    assert column([{"n": 16}, {"n": 8}], "n", choices).tolist() == [1, 0]


def test_finished_trials_are_added_to_those_before() -> None:
    finished = FinishedTrials(sign=1)
    first = trial({1: 0.1}, number=4, rate=0.1)
    finished.add([first])
    assert finished.column("rate", RATE).tolist() == [0.1]
    finished.add([first, trial({1: 0.1, 2: 0.3}, number=2, rate=0.7)])
    assert finished.curves.numbers.tolist() == [4, 2]
    assert finished.curves.reached.tolist() == [1, 2]
    assert finished.column("rate", RATE).tolist() == [0.1, 0.7]


def test_a_parameter_in_another_range_is_laid_out_again() -> None:
    finished = FinishedTrials(sign=1)
    finished.add([trial({1: 0.1}, rate=0.1), trial({1: 0.1}, number=1, rate=0.7)])
    assert finished.column("rate", RATE).tolist() == [0.1, 0.7]
    narrow = finished.column("rate", optuna.distributions.FloatDistribution(0.5, 1))
    assert np.isnan(narrow[0])
    assert narrow[1] == 0.7
