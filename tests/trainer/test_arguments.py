"""What the Trainer is given: the configured settings, and silence."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.schema import Configuration
from trainer.arguments import arguments_of
from trainer.device import Precision
from trainer.plan import Plan

MakeConfig = Callable[..., Configuration]
PLAN = Plan(steps_per_epoch=4, total_steps=8, evaluate_after=(2, 4))


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
