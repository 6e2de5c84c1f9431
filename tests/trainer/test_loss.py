"""The loss: worked out by hand, torch's and transformers' own, and the same however it is cut."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn import functional
from transformers.trainer_pt_utils import LabelSmoother

from trainer.device import has_amx
from trainer.loss import TrainingLoss, summed_loss
from trainer.objective import Objective
from trainer.projection import Projection

IGNORED = -100


def as_they_are(vocabulary: int) -> Projection:
    """Lets hidden states be the logits."""
    return Projection(torch.eye(vocabulary), torch.zeros(vocabulary))


def summed(logits: torch.Tensor, labels: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    return summed_loss(logits, labels, as_they_are(logits.shape[-1]), smoothing)


def loss_of(logits: torch.Tensor, smoothing: float) -> TrainingLoss:
    return TrainingLoss(as_they_are(logits.shape[-1]), Objective(label_smoothing=smoothing))


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (3, 5, 11) and labels (3, 5) of which the second row's last three are padding."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=generator)
    labels = torch.randint(0, 11, (3, 5), generator=generator)
    labels[1, 2:] = IGNORED
    return logits, labels


def test_loss_of_even_odds_is_the_logarithm_of_the_vocabulary() -> None:
    logits, labels = torch.zeros(1, 2, 4), torch.tensor([[1, 2]])
    assert summed(logits, labels).item() == pytest.approx(2 * math.log(4))


def test_smoothed_loss_is_the_one_worked_out_by_hand() -> None:
    """Odds 1:3 on a vocabulary of two: .9 of the true token's loss, .1 of the mean over both."""
    logits = torch.tensor([[[0.0, math.log(3)]]])
    true, other = math.log(4 / 3), math.log(4)  # -log of 3/4 and of 1/4
    label = torch.tensor([[1]])
    assert summed(logits, label).item() == pytest.approx(true)
    expected = 0.9 * true + 0.1 * (true + other) / 2
    assert summed(logits, label, 0.1).item() == pytest.approx(expected)


def test_smoothing_costs_a_model_that_is_sure_and_right() -> None:
    sure = torch.tensor([[[20.0, 0.0, 0.0]]])
    right = torch.tensor([[0]])
    assert summed(sure, right).item() == pytest.approx(0, abs=1e-6)
    assert summed(sure, right, 0.1).item() == pytest.approx(0.1 * 20 * 2 / 3, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_loss_per_token_is_torchs_mean(smoothing: float) -> None:
    logits, labels = batch()
    expected = functional.cross_entropy(
        logits.reshape(-1, 11),
        labels.reshape(-1),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
    found = loss_of(logits, smoothing)(logits, labels)
    assert torch.isclose(found, expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_transformers_own(smoothing: float) -> None:
    logits, labels = batch()
    ours = loss_of(logits, smoothing)(logits, labels)
    theirs = LabelSmoother(epsilon=smoothing)({"logits": logits}, labels)
    assert torch.isclose(ours, theirs)


def test_padding_adds_nothing() -> None:
    logits, labels = batch()
    wider = torch.cat([logits, torch.full((3, 3, 11), 9.0)], dim=1)
    ignored = torch.cat([labels, torch.full((3, 3), IGNORED)], dim=1)
    assert torch.isclose(summed(wider, ignored, 0.1), summed(logits, labels, 0.1))


def test_loss_is_shared_by_the_tokens_of_the_whole_update() -> None:
    logits, labels = torch.zeros(1, 2, 4), torch.tensor([[1, 2]])
    loss = loss_of(logits, 0.0)(logits, labels, num_items_in_batch=8)
    assert loss.item() == pytest.approx(2 * math.log(4) / 8)


def test_micro_batches_add_up_to_the_update_in_loss_and_gradient() -> None:
    """Rows with 5, 2 and 5 targets: a mean of the micro-batches' means would weigh them alike."""
    logits, labels = batch()
    tokens = int((labels != IGNORED).sum())
    loss = loss_of(logits, 0.1)
    whole = logits.clone().requires_grad_()
    total = loss(whole, labels, num_items_in_batch=tokens)
    total.backward()
    parts = logits.clone().requires_grad_()
    shares = [loss(parts[row : row + 1], labels[row : row + 1], tokens) for row in range(3)]
    torch.stack(shares).sum().backward()
    assert torch.isclose(torch.stack(shares).sum(), total)
    assert torch.allclose(parts.grad, whole.grad)
    means = [loss(logits[row : row + 1], labels[row : row + 1]) for row in range(3)]
    assert not torch.isclose(torch.stack(means).mean(), total, rtol=1e-3)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(
    ("rows", "scale"), [(1, 1.0), (255, 1.0), (256, 1.0), (600, 1.0), (600, 50.0)]
)
def test_loss_and_gradients_are_those_of_the_projection_and_torchs_cross_entropy(
    monkeypatch: pytest.MonkeyPatch, rows: int, smoothing: float, scale: float
) -> None:
    """On the CPU they are worked out for a few rows and a few tokens at a time.

    No logit is too large for that.
    """
    monkeypatch.setattr("trainer.fused_loss.TOKENS", 16)
    generator = torch.Generator().manual_seed(rows)
    hidden = scale * torch.randn(2, rows, 6, generator=generator)
    labels = torch.randint(0, 40, (2, rows), generator=generator)
    labels[1] = IGNORED
    projection = Projection(
        torch.randn(40, 6, generator=generator), torch.randn(40, generator=generator)
    )

    def gradients(loss_of: Callable[..., torch.Tensor]) -> list[torch.Tensor]:
        states, weight = hidden.clone().requires_grad_(), projection.weight.clone().requires_grad_()
        loss = loss_of(states, Projection(weight, projection.bias))
        (3 * loss).backward()
        return [loss.detach(), states.grad, weight.grad]

    found = gradients(lambda states, to: summed_loss(states, labels, to, smoothing))
    expected = gradients(
        lambda states, to: functional.cross_entropy(
            functional.linear(states, to.weight, to.bias).flatten(0, 1),
            labels.flatten(),
            ignore_index=IGNORED,
            label_smoothing=smoothing,
            reduction="sum",
        )
    )
    for ours, torchs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-5, atol=1e-4 * scale)
    with torch.no_grad():
        alone = summed_loss(hidden, labels, projection, smoothing)
    torch.testing.assert_close(alone, found[0], rtol=1e-6, atol=0)


@pytest.mark.skipif(not has_amx(), reason="this CPU does not multiply in bf16")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_bf16_rounds_what_is_multiplied_and_nothing_else(smoothing: float) -> None:
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(1, 300, 64, generator=generator)
    labels = torch.randint(0, 500, (1, 300), generator=generator)
    weight, bias = torch.randn(500, 64, generator=generator), torch.zeros(500)

    def gradients(states: torch.Tensor, to: Projection) -> list[torch.Tensor]:
        states, weight = states.clone().requires_grad_(), to.weight.clone().requires_grad_()
        loss = summed_loss(states, labels, replace(to, weight=weight), smoothing)
        loss.backward()
        return [loss.detach(), states.grad, weight.grad]

    def rounded(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.bfloat16().float()

    found = gradients(hidden, Projection(weight, bias, in_bf16=True))
    loss, *expected = gradients(rounded(hidden), Projection(rounded(weight), bias))
    torch.testing.assert_close(found[0], loss, rtol=1e-6, atol=0)
    for ours, full in zip(found[1:], expected, strict=True):
        assert float((ours - full).norm() / full.norm()) < 2**-8
    assert torch.backends.mkldnn.matmul.fp32_precision == "none"
