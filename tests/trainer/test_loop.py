"""The loop's own parts: when it evaluates, what it watches, what it gives the Trainer."""

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import TrainerControl, TrainerState

from config.schema import Configuration
from trainer.arguments import arguments_of
from trainer.device import Precision
from trainer.divergence import Divergence
from trainer.errors import TrainerError, TrainingDiverged
from trainer.evaluation import Step
from trainer.loop import Watch, mean
from trainer.plan import Plan, plan_of

MakeConfig = Callable[..., Configuration]
RULE = Divergence(30_000)
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


def take_step(watch: Watch, number: int, *losses: float, rate: float = 0.5) -> TrainerControl:
    assert watch.between_updates
    watch.saw([torch.tensor(loss) for loss in losses])
    assert not watch.between_updates
    optimizer = SimpleNamespace(param_groups=[{"lr": rate}])
    state = TrainerState(global_step=number - 1, epoch=number / 4)
    watch.on_pre_optimizer_step(None, state, TrainerControl(), optimizer=optimizer)
    state.global_step = number
    return watch.on_step_end(None, state, TrainerControl())


def test_watch_tells_each_step_and_asks_for_evaluations() -> None:
    told: list[Step] = []
    watch = Watch(PLAN, told.append, RULE)
    asked = [take_step(watch, number, 1.0, 0.5).should_evaluate for number in range(1, 5)]
    assert asked == [False, True, False, True]
    assert told[0] == Step(1, 8, 0.25, 1.5)
    assert watch.learning_rate == 0.5


def test_losses_begin_anew_after_each_evaluation() -> None:
    watch = Watch(PLAN, None, RULE)
    take_step(watch, 1, 2.0)
    take_step(watch, 2, 4.0)
    assert watch.losses == (2.0, 4.0)
    assert mean(watch.losses) == 3.0
    watch.begin_anew()
    take_step(watch, 3, 7.0)
    assert watch.losses == (7.0,)


def test_plan_counts_the_evaluations_up_to_a_step() -> None:
    assert [PLAN.due(step) for step in range(6)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_watch_ends_a_training_whose_loss_is_no_number(loss: float) -> None:
    watch = Watch(PLAN, None, RULE)
    take_step(watch, 1, 2.0)
    with pytest.raises(TrainingDiverged) as caught:
        take_step(watch, 2, 1.0, loss)
    assert caught.value.step == 2


def test_arguments_are_the_configured_ones_and_silent(
    tiny_config: MakeConfig, tmp_path: Path
) -> None:
    config = tiny_config(
        training={
            "learning_rate": 3e-4,
            "warmup_ratio": 0.2,
            "weight_decay": 0.05,
            "lr_scheduler_type": "polynomial",
            "max_grad_norm": 0.5,
        }
    )
    plan = Plan(steps_per_epoch=4, total_steps=9, evaluate_after=())
    arguments = arguments_of(
        config, plan=plan, precision=Precision("fp32", ""), cpu=True, output_dir=tmp_path
    )
    assert arguments.learning_rate == 3e-4
    assert arguments.get_warmup_steps(9) == 2
    assert arguments.weight_decay == 0.05
    assert arguments.max_grad_norm == 0.5
    assert arguments.lr_scheduler_kwargs == {"lr_end": 0.0}
    assert arguments.optim == "adamw_torch_fused"
    assert arguments.report_to == []
    assert arguments.save_strategy == "no"
    assert (arguments.bf16, arguments.fp16) == (False, False)
    assert arguments.disable_tqdm


@pytest.mark.parametrize("name", ["fp32", "bf16", "fp16"])
def test_precision_is_the_trainers_and_fp16_gets_its_gradient_scaler(
    tiny_config: MakeConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    given: dict[str, object] = {}
    monkeypatch.setattr("trainer.arguments.Seq2SeqTrainingArguments", recorder(given))
    arguments_of(
        tiny_config(), plan=PLAN, precision=Precision(name, ""), cpu=False, output_dir=tmp_path
    )
    assert (given["bf16"], given["fp16"], given["use_cpu"]) == (
        name == "bf16",
        name == "fp16",
        False,
    )


def recorder(given: dict[str, object]) -> Callable[..., SimpleNamespace]:
    """Stand in for the arguments, which refuse what this machine's device cannot do."""

    def make(**arguments: object) -> SimpleNamespace:
        given.update(arguments)
        return SimpleNamespace(n_gpu=4)

    return make


def test_one_card_is_used_of_many(
    tiny_config: MakeConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Trainer would put a model that it finds beside four cards on all of them."""
    monkeypatch.setattr("trainer.arguments.Seq2SeqTrainingArguments", recorder({}))
    arguments = arguments_of(
        tiny_config(), plan=PLAN, precision=Precision("fp32", ""), cpu=False, output_dir=tmp_path
    )
    assert arguments._n_gpu == 1


@pytest.mark.parametrize(("ratio", "steps"), [(0.0, 0), (0.1, 1), (0.5, 4), (0.99, 8)])
def test_warmup_is_a_share_of_all_steps_rounded_up(
    tiny_config: MakeConfig, tmp_path: Path, ratio: float, steps: int
) -> None:
    arguments = arguments_of(
        tiny_config(training={"warmup_ratio": ratio}),
        plan=PLAN,
        precision=Precision("fp32", ""),
        cpu=True,
        output_dir=tmp_path,
    )
    assert arguments.get_warmup_steps(PLAN.total_steps) == steps
