"""R-Drop's loss: as its formula has it, and in a training that is taken up to the last digit."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.errors import Interrupted
from trainer.evaluation import FitResult, Step
from trainer.fit import fit
from trainer.objective import Objective
from trainer.rdrop_loss import rdrop_loss
from trainer.resume import training_fingerprint
from trainer.resume_store import ResumeStore, open_resume_store
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]
Tensors = tuple[torch.Tensor, ...]
TRAINING = {"num_train_epochs": 2, "learning_rate": 1e-2, "rdrop_alpha": 1.0}


def naive(
    states: Tensors,
    targets: torch.Tensor,
    *,
    weight: torch.Tensor,
    bias: torch.Tensor,
    smoothing: float,
    alpha: float,
) -> torch.Tensor:
    """The formula as the authors' README writes it, with torch's own functions."""
    p, q = (functional.linear(each, weight, bias) for each in states)
    entropy = sum(
        functional.cross_entropy(each, targets, label_smoothing=smoothing, reduction="sum")
        for each in (p, q)
    )
    logs = [functional.log_softmax(each, dim=-1) for each in (p, q)]
    one = functional.kl_div(logs[0], logs[1], log_target=True, reduction="sum")
    other = functional.kl_div(logs[1], logs[0], log_target=True, reduction="sum")
    return 0.5 * entropy + alpha * (one + other) / 2


def drawn(rows: int) -> tuple[Tensors, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(rows)
    states = torch.randn(2, rows, 6, generator=generator)
    weight = torch.randn(40, 6, generator=generator)
    bias = torch.randn(40, generator=generator)
    targets = torch.randint(0, 40, (rows,), generator=generator)
    return (states[0], states[1]), targets, weight, bias


def gradients(
    loss_of: Callable[..., torch.Tensor], rows: int, smoothing: float, alpha: float
) -> Tensors:
    states, targets, weight, bias = drawn(rows)
    first, second, weight = (t.clone().requires_grad_() for t in (*states, weight))
    loss = loss_of(
        (first, second), targets, weight=weight, bias=bias, smoothing=smoothing, alpha=alpha
    )
    (3 * loss).backward()
    return loss.detach(), first.grad, second.grad, weight.grad


@pytest.mark.parametrize("alpha", [0.0, 0.7, 5.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("rows", [1, 256, 600])
def test_loss_and_gradients_are_the_formulas(rows: int, smoothing: float, alpha: float) -> None:
    found = gradients(rdrop_loss, rows, smoothing, alpha)
    expected = gradients(naive, rows, smoothing, alpha)
    for ours, formulas in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, formulas, rtol=1e-5, atol=1e-3)
    states, targets, weight, bias = drawn(rows)
    with torch.no_grad():
        alone = rdrop_loss(
            states, targets, weight=weight, bias=bias, smoothing=smoothing, alpha=alpha
        )
    assert torch.equal(alone, found[0])


def test_half_precision_states_give_the_formulas_loss_too() -> None:
    """As a GPU has them: there torch's own functions work it out."""
    states, targets, weight, bias = drawn(20)
    given = {"weight": weight, "bias": bias, "smoothing": 0.1, "alpha": 2.0}
    half = {name: v.double() if isinstance(v, torch.Tensor) else v for name, v in given.items()}
    found = rdrop_loss(tuple(each.double() for each in states), targets, **half)
    torch.testing.assert_close(found, naive(states, targets, **given), rtol=1e-4, atol=1e-3)


def test_two_equal_passes_have_the_plain_loss() -> None:
    states, targets, weight, bias = drawn(9)
    twice = rdrop_loss(
        (states[0], states[0]), targets, weight=weight, bias=bias, smoothing=0.0, alpha=9.0
    )
    plain = functional.cross_entropy(
        functional.linear(states[0], weight, bias), targets, reduction="sum"
    )
    torch.testing.assert_close(twice, plain)


def losses_of(
    config: Configuration, session: TrainingSession, folder: Path, **options: object
) -> tuple[list[float], FitResult]:
    losses: list[float] = []

    def on_step(step: Step) -> None:
        losses.append(step.loss)

    result = fit(
        config, lambda _: True, session=session, output_dir=folder, on_step=on_step, **options
    )
    return losses, result


def test_dropout_draws_the_two_passes_apart_and_without_it_nothing_is_added(
    tiny_config: MakeConfig, data_files: DataFiles, tmp_path: Path
) -> None:
    found = {}
    for dropout in (0.0, 0.3):
        for alpha in (0.0, 5.0):
            config = tiny_config(
                model={"architecture": {"dropout": dropout}},
                training={"num_train_epochs": 1, "rdrop_alpha": alpha},
            )
            session = TrainingSession(data_files, tmp_path / "cache")
            found[dropout, alpha] = losses_of(config, session, tmp_path / "out")[0]
    assert found[0.0, 5.0] == pytest.approx(found[0.0, 0.0], rel=1e-5)
    assert math.fsum(found[0.3, 5.0]) > math.fsum(found[0.3, 0.0]) * 1.001


@pytest.mark.parametrize("steps", [1, 3])
def test_a_training_under_rdrop_is_taken_up_to_the_last_digit(
    tiny_config: MakeConfig, data_files: DataFiles, tmp_path: Path, steps: int
) -> None:
    config = tiny_config(training=TRAINING | {"layerwise_lr_decay": 0.8})
    session = TrainingSession(data_files, tmp_path / "cache")
    expected, whole = losses_of(config, session, tmp_path / "whole")
    store: ResumeStore = open_resume_store(tmp_path / "store", "s/trial_00001")
    told: list[float] = []
    for _ in range(len(expected) // steps + 1):
        begun = len(told)

        def on_step(step: Step, begun: int = begun) -> None:
            told.append(step.loss)
            if len(told) - begun == steps:
                raise Interrupted

        try:
            result = fit(
                config,
                lambda _: True,
                session=session,
                output_dir=tmp_path / "out",
                on_step=on_step,
                resume=store,
            )
            break
        except Interrupted:
            continue
    assert told == expected
    assert [e.scores for e in result.evaluations] == [e.scores for e in whole.evaluations]


def test_off_leaves_a_training_begun_by_an_older_hpo_the_same_one(tiny_config: MakeConfig) -> None:
    """Its resume states are found by the fingerprint of its settings."""
    off = tiny_config(training={"rdrop_alpha": 0, "layerwise_lr_decay": 1})
    assert training_fingerprint(off, "d") == training_fingerprint(tiny_config(), "d")
    on = tiny_config(training={"rdrop_alpha": 0.5})
    assert training_fingerprint(on, "d") != training_fingerprint(tiny_config(), "d")


def test_objective_is_what_is_configured(tiny_config: MakeConfig) -> None:
    config = tiny_config(training={"rdrop_alpha": 0.7, "layerwise_lr_decay": 0.9})
    assert Objective.of(config.training) == Objective(0.0, 0.7, 0.9)
