"""The loss: worked out by hand, torch's and transformers' own, and the same however it is cut."""

import math

import pytest
import torch
from torch.nn import functional
from transformers.modeling_outputs import Seq2SeqLMOutput
from transformers.trainer_pt_utils import LabelSmoother

from trainer.loss import TrainingLoss, summed_loss

IGNORED = -100


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (3, 5, 11) and labels (3, 5) of which the second row's last three are padding."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 11, generator=generator)
    labels = torch.randint(0, 11, (3, 5), generator=generator)
    labels[1, 2:] = IGNORED
    return logits, labels


def test_loss_of_even_odds_is_the_logarithm_of_the_vocabulary() -> None:
    logits, labels = torch.zeros(1, 2, 4), torch.tensor([[1, 2]])
    assert summed_loss(logits, labels).item() == pytest.approx(2 * math.log(4))


def test_smoothed_loss_is_the_one_worked_out_by_hand() -> None:
    """Odds 1:3 on a vocabulary of two: .9 of the true token's loss, .1 of the mean over both."""
    logits = torch.tensor([[[0.0, math.log(3)]]])
    true, other = math.log(4 / 3), math.log(4)  # -log of 3/4 and of 1/4
    label = torch.tensor([[1]])
    assert summed_loss(logits, label).item() == pytest.approx(true)
    expected = 0.9 * true + 0.1 * (true + other) / 2
    assert summed_loss(logits, label, 0.1).item() == pytest.approx(expected)


def test_smoothing_costs_a_model_that_is_sure_and_right() -> None:
    sure = torch.tensor([[[20.0, 0.0, 0.0]]])
    right = torch.tensor([[0]])
    assert summed_loss(sure, right).item() == pytest.approx(0, abs=1e-6)
    assert summed_loss(sure, right, 0.1).item() == pytest.approx(0.1 * 20 * 2 / 3, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.3])
def test_loss_per_token_is_torchs_mean(smoothing: float) -> None:
    logits, labels = batch()
    expected = functional.cross_entropy(
        logits.reshape(-1, 11),
        labels.reshape(-1),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
    found = TrainingLoss(smoothing)(Seq2SeqLMOutput(logits=logits), labels)
    assert torch.isclose(found, expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_transformers_own(smoothing: float) -> None:
    logits, labels = batch()
    ours = TrainingLoss(smoothing)(Seq2SeqLMOutput(logits=logits), labels)
    theirs = LabelSmoother(epsilon=smoothing)({"logits": logits}, labels)
    assert torch.isclose(ours, theirs)


def test_padding_adds_nothing() -> None:
    logits, labels = batch()
    wider = torch.cat([logits, torch.full((3, 3, 11), 9.0)], dim=1)
    ignored = torch.cat([labels, torch.full((3, 3), IGNORED)], dim=1)
    assert torch.isclose(summed_loss(wider, ignored, 0.1), summed_loss(logits, labels, 0.1))


def test_loss_is_shared_by_the_tokens_of_the_whole_update() -> None:
    logits, labels = torch.zeros(1, 2, 4), torch.tensor([[1, 2]])
    loss = TrainingLoss(0.0)(Seq2SeqLMOutput(logits=logits), labels, num_items_in_batch=8)
    assert loss.item() == pytest.approx(2 * math.log(4) / 8)


def test_micro_batches_add_up_to_the_update_in_loss_and_gradient() -> None:
    """Rows with 5, 2 and 5 targets: a mean of the micro-batches' means would weigh them alike."""
    logits, labels = batch()
    tokens = int((labels != IGNORED).sum())
    loss = TrainingLoss(0.1)
    whole = logits.clone().requires_grad_()
    total = loss(Seq2SeqLMOutput(logits=whole), labels, num_items_in_batch=tokens)
    total.backward()
    parts = logits.clone().requires_grad_()
    shares = [
        loss(Seq2SeqLMOutput(logits=parts[row : row + 1]), labels[row : row + 1], tokens)
        for row in range(3)
    ]
    torch.stack(shares).sum().backward()
    assert torch.isclose(torch.stack(shares).sum(), total)
    assert torch.allclose(parts.grad, whole.grad)
    means = [
        loss(Seq2SeqLMOutput(logits=logits[row : row + 1]), labels[row : row + 1])
        for row in range(3)
    ]
    assert not torch.isclose(torch.stack(means).mean(), total, rtol=1e-3)


def test_model_that_returns_no_logits_is_an_error() -> None:
    with pytest.raises(TypeError, match="returned no logits"):
        TrainingLoss(0.0)(Seq2SeqLMOutput(), torch.tensor([[1]]))
