"""How many steps a training takes, and after which of them it is evaluated."""

from collections.abc import Callable

import pytest

from config.schema import Configuration
from trainer.errors import TrainerError
from trainer.plan import Plan, plan_of

MakeConfig = Callable[..., Configuration]
PLAN = Plan(steps_per_epoch=4, total_steps=8, evaluate_after=(2, 4))


def test_evaluations_divide_each_epoch_evenly(tiny_config: MakeConfig) -> None:
    config = tiny_config(training={"num_train_epochs": 2, "evaluations_per_epoch": 3})
    plan = plan_of(config, 40)  # 10 steps of 4
    assert plan == Plan(10, 20, (3, 7, 10, 13, 17, 20))


@pytest.mark.parametrize("per_epoch", range(1, 12))
def test_every_evaluation_has_a_step_of_its_own(tiny_config: MakeConfig, per_epoch: int) -> None:
    config = tiny_config(training={"evaluations_per_epoch": per_epoch})
    plan = plan_of(config, 44)
    assert len(set(plan.evaluate_after)) == 2 * per_epoch
    assert plan.evaluate_after[per_epoch - 1] == 11
    assert plan.evaluate_after[-1] == plan.total_steps == 22


def test_last_small_batch_and_accumulation_count_as_steps(tiny_config: MakeConfig) -> None:
    config = tiny_config(training={"gradient_accumulation_steps": 2, "num_train_epochs": 1})
    assert plan_of(config, 17).total_steps == 3  # 5 batches, by twos


def test_more_evaluations_than_steps_say_what_to_lower(tiny_config: MakeConfig) -> None:
    with pytest.raises(TrainerError, match="only 4 optimizer steps; lower it, or the batch size"):
        plan_of(tiny_config(training={"evaluations_per_epoch": 5}), 16)


def test_plan_counts_the_evaluations_up_to_a_step() -> None:
    assert [PLAN.due(step) for step in range(6)] == [0, 0, 1, 1, 2, 2]
