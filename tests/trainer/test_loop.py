"""The loop's own parts: what it watches, and when it asks for an evaluation."""

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import BartForConditionalGeneration, TrainerControl, TrainerState

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.divergence import Divergence
from trainer.errors import TrainingDiverged
from trainer.evaluation import Step
from trainer.fit import fit
from trainer.plan import Plan
from trainer.progress import mean
from trainer.session import TrainingSession
from trainer.watch import Watch

RULE = Divergence(30_000)
PLAN = Plan(steps_per_epoch=4, total_steps=8, evaluate_after=(2, 4))


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


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_watch_ends_a_training_whose_loss_is_no_number(loss: float) -> None:
    watch = Watch(PLAN, None, RULE)
    take_step(watch, 1, 2.0)
    with pytest.raises(TrainingDiverged) as caught:
        take_step(watch, 2, 1.0, loss)
    assert caught.value.step == 2


def test_a_training_looks_at_no_tensor_to_move_a_model_that_is_there(
    tiny_config: Callable[..., Configuration],
    data_files: DataFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = TrainingSession(data_files, tmp_path / "cache")
    config = tiny_config()
    session.prepare(config)
    moved: list[object] = []
    monkeypatch.setattr(
        BartForConditionalGeneration, "to", lambda self, *args: moved.append(args) or self
    )
    result = fit(config, lambda _: True, session=session, output_dir=tmp_path / "out")
    assert result.ended == "finished"
    assert not moved
