"""When a training is given up for its loss, and that nothing healthy is."""

import math

import pytest

from trainer.divergence import UPDATES, Divergence
from trainer.errors import TrainingDiverged

VOCABULARY = 30_000  # KoBART's: guessing has a loss of 10.31, the bar lies at 20.62


@pytest.fixture
def rule() -> Divergence:
    return Divergence(VOCABULARY)


def ends_at(rule: Divergence, losses: list[float]) -> int | None:
    """The update after which the training is given up; None where it never is."""
    for step in range(1, len(losses) + 1):
        try:
            rule.check_updates(losses[:step], step=step)
        except TrainingDiverged as error:
            return error.step
    return None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_ends_it_at_once(rule: Divergence, value: float) -> None:
    assert ends_at(rule, [4.0, 3.0, value]) == 3
    with pytest.raises(TrainingDiverged, match=f"dev set's loss is {value} at optimizer step 7"):
        rule.check_evaluation(value, step=7)


def test_a_loss_that_stays_beyond_twice_guessing_ends_it(rule: Divergence) -> None:
    losses = [3.0] * 50 + [35.0] * 50
    ended = ends_at(rule, losses)
    assert ended is not None
    assert 50 < ended <= 50 + UPDATES
    with pytest.raises(TrainingDiverged, match=r"grown to 35\.00.* over 20\.62.*learning_rate"):
        rule.check_updates(losses, step=100)


@pytest.mark.parametrize(
    "losses",
    [
        [10.4 - 0.05 * step for step in range(100)],  # random weights
        [15.3 - 0.1 * step for step in range(100)],  # random weights, five times as large
        [2.5] * 30 + [9.0] * 10 + [2.4] * 60,  # a warm-up that shakes a pre-trained model
        [2.5] * 30 + [900.0] * 5 + [2.4] * 60,  # a few terrible batches
        [7.4] * 100,  # learnt the tokens' frequencies and no more: hopeless, but not diverging
    ],
)
def test_what_can_recover_is_not_ended(rule: Divergence, losses: list[float]) -> None:
    assert ends_at(rule, losses) is None


def test_a_penalty_raises_the_bar_of_the_updates_alone() -> None:
    rule = Divergence(VOCABULARY, penalty=1.0)
    beyond = rule.bar * 1.5
    rule.check_updates([beyond] * UPDATES, step=UPDATES)
    with pytest.raises(TrainingDiverged):
        rule.check_updates([rule.bar * 2.1] * UPDATES, step=UPDATES)
    with pytest.raises(TrainingDiverged):
        rule.check_evaluation(beyond, step=1)


def test_the_dev_sets_loss_is_judged_by_itself(rule: Divergence) -> None:
    rule.check_evaluation(20.0, step=9)
    with pytest.raises(TrainingDiverged, match=r"dev set's loss has grown to 21\.00"):
        rule.check_evaluation(21.0, step=9)
