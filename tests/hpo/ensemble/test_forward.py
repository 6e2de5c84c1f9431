"""Forward selection: the best alone first, then what helps most."""

import numpy as np
from numpy.typing import NDArray

from hpo.ensemble.forward import forward

ALONE = np.array([[0.2, 0.2], [0.5, 0.3], [0.1, 0.6]])


def best_of(members: tuple[int, ...]) -> NDArray[np.float64]:
    """As if the members together always gave the best of their summaries."""
    return ALONE[list(members)].max(axis=0)


def test_each_addition_is_the_one_that_helps_those_chosen_most() -> None:
    steps = list(forward(3, best_of, most=3))
    assert [step.members for step in steps] == [(1,), (1, 2), (1, 2, 0)]
    assert [round(step.value, 6) for step in steps] == [0.4, 0.55, 0.55]
    assert steps[0].before is None
    assert steps[1].before is not None
    assert steps[1].before.tolist() == [0.5, 0.3]
    assert steps[1].tried.shape == (2, 2)


def test_it_ends_with_as_many_as_were_asked_for_or_there_are() -> None:
    assert len(list(forward(3, best_of, most=2))) == 2
    assert len(list(forward(3, best_of, most=9))) == 3


def test_it_goes_on_where_a_member_costs_score_and_takes_the_first_of_equals() -> None:
    steps = list(forward(3, lambda members: np.array([1.0 / len(members)] * 2), most=3))
    assert [step.members for step in steps] == [(0,), (0, 1), (0, 1, 2)]
