"""A training's curve: its best evaluation, the first of equals, and how old that is."""

from collections.abc import Callable

import pytest

from trainer.curve import Curve
from trainer.rouge import Scores

MakeCurve = Callable[..., Curve]


def scores(value: float) -> Scores:
    return Scores(value, value / 2, value / 4, value / 3)


@pytest.mark.parametrize(
    ("values", "best", "since"),
    [
        ((0.2,), 0, 0),
        ((0.1, 0.4, 0.4, 0.3), 1, 2),
        ((0.1, 0.2, 0.3), 2, 0),
        ((0.0, 0.0, 0.0), 0, 2),
        ((0.5, 0.4, 0.6, 0.1), 2, 1),
    ],
)
def test_best_is_the_first_of_equals(
    make_curve: MakeCurve, values: tuple[float, ...], best: int, since: int
) -> None:
    curve = make_curve(*values)
    assert curve.best_index == best
    assert curve.since_best == since
    assert [each.scores.rouge1 for each in curve.evaluations] == list(values)


def test_curve_begins_empty_and_without_a_best() -> None:
    curve = Curve("rouge1")
    assert (curve.evaluations, curve.best_index, curve.since_best) == ((), -1, 0)


def test_only_better_scores_lead(make_curve: MakeCurve) -> None:
    assert Curve("rouge1").leads(scores(0.0))
    assert not make_curve(0.4).leads(scores(0.4))
    assert make_curve(0.4).leads(scores(0.41))


def test_metric_decides_what_is_better(make_curve: MakeCurve) -> None:
    """More words in common and fewer pairs: better by ROUGE-1, worse by ROUGE-2."""
    found = Scores(rouge1=0.5, rouge2=0.1, rougeL=0.3, rouge_combined_f1=0.3)
    assert make_curve(0.4, metric="rouge1").leads(found)
    assert not make_curve(0.4, metric="rouge2").leads(found)


def test_evaluations_handed_out_do_not_change_behind_their_holder(make_curve: MakeCurve) -> None:
    curve = make_curve(0.1)
    held = curve.evaluations
    curve.add(held[0])
    assert len(held) == 1
