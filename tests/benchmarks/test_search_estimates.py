import math

import pytest

from benchmarks.search.cells import SEARCHING, Cell, Row
from benchmarks.search.estimates import against, mean


def row(path, *, task="one", seed=0, epochs=100):
    gap = path[-1][1] if path else None
    return Row(
        cell=Cell(SEARCHING, "any", task, 8, seed),
        held_out=False,
        noise=0.1,
        epochs=epochs,
        unpruned_epochs=100,
        time=float(epochs),
        kept=True,
        lost=0.0,
        gap=gap,
        path=tuple(path),
        seen=((1, 0.0),),
    )


RANDOM = [row([(50, 0.5), (100, 0.2)], seed=seed) for seed in range(4)]


def test_each_task_weighs_the_same_however_many_seeds_it_has():
    rows = [row([(1, 0.0)], task="one", epochs=20)] * 3 + [row([(1, 0.0)], task="two", epochs=80)]

    found = mean(rows, lambda one: one.share)

    assert found.mean == pytest.approx(0.5)
    assert found.low == found.high == found.mean  # within a task all rows are alike


def test_needed_epochs_are_those_at_which_random_searchs_final_regret_is_reached():
    mine = [row([(10, 0.4), (25, 0.1)], seed=seed) for seed in range(4)]

    found = against(mine, RANDOM, unknown={"one": 1.0}, stopped=False)

    assert found.needs.mean == 0.25
    assert [one.mean for one in found.regrets] == pytest.approx([5, 2, 0.5, 0.5])
    assert found.final.mean == pytest.approx(0.1 / 0.2)


def test_random_search_needs_all_of_its_own_epochs():
    assert against(RANDOM, RANDOM, unknown={"one": 1.0}, stopped=False).needs.mean == 1


def test_regret_that_is_never_reached_needs_endless_epochs():
    mine = [row([(10, 0.4)])]

    assert against(mine, RANDOM, unknown={"one": 1.0}, stopped=False).needs.mean == math.inf


def test_nothing_finished_counts_as_the_unknown_regret_unless_stopped_trials_count():
    mine = [row([])]

    assert against(mine, RANDOM, unknown={"one": 1.0}, stopped=False).final.mean == pytest.approx(5)
    assert against(mine, RANDOM, unknown={"one": 1.0}, stopped=True).final.mean == 0
