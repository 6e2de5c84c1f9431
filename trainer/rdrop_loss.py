"""R-Drop: two predictions of each target under different dropout, drawn together.

    loss = (CE(p) + CE(q)) / 2 + alpha * (KL(p||q) + KL(q||p)) / 2

as in the authors' code (Liang et al. 2021, arXiv 2106.14448); CE may be smoothed. On the CPU it is
worked out a few rows at a time, the gradients with it, as `fused_loss` does and for its reason.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from trainer.fused_loss import ROWS

Pair = tuple[torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class _Terms:
    """What the loss weighs: smoothing of the cross-entropy, and alpha of the penalty."""

    smoothing: float
    alpha: float


def rdrop_loss(
    states: Pair,
    targets: torch.Tensor,
    *,
    weight: torch.Tensor,
    bias: torch.Tensor,
    smoothing: float,
    alpha: float,
) -> torch.Tensor:
    """Return the loss summed over the targets.

    states: of both passes, each (rows, width). targets: (rows,). weight: (vocabulary, width). bias:
    (vocabulary,), a constant.
    """
    terms = _Terms(smoothing, alpha)
    first, second = states
    if first.device.type == "cpu" and first.dtype == second.dtype == weight.dtype == torch.float32:
        if torch.is_grad_enabled():
            loss: torch.Tensor = _Fused.apply(  # type: ignore[no-untyped-call]
                first, second, weight, bias, targets, terms
            )
            return loss
        return _loss(states, weight, bias, targets, terms, gradients=None)
    logits = [functional.linear(each, weight, bias).float() for each in states]
    p, q = (functional.log_softmax(each, dim=-1) for each in logits)
    entropies = [
        functional.cross_entropy(each, targets, label_smoothing=smoothing, reduction="sum")
        for each in logits
    ]
    apart = ((p.exp() - q.exp()) * (p - q)).sum()
    return sum(entropies, apart * alpha) / 2


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917  # torch gives them by their places
        ctx: Any,
        first: torch.Tensor,
        second: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        targets: torch.Tensor,
        terms: _Terms,
    ) -> torch.Tensor:
        gradients = (
            torch.empty_like(first),
            torch.empty_like(second),
            torch.zeros_like(weight),
        )
        ctx.save_for_backward(*gradients)
        return _loss((first, second), weight, bias, targets, terms, gradients=gradients)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        found = (gradient.mul_(outer[0]) for gradient in ctx.saved_tensors)
        return *found, None, None, None


def _loss(
    states: Pair,
    weight: torch.Tensor,
    bias: torch.Tensor,
    targets: torch.Tensor,
    terms: _Terms,
    *,
    gradients: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None,
) -> torch.Tensor:
    """Return the loss, and fill the gradients with respect to both states and the weight."""
    total = states[0].new_zeros(())
    for start in range(0, len(targets), ROWS):
        place = slice(start, start + ROWS)
        rows = (states[0][place], states[1][place])
        logs = [torch.log_softmax(torch.addmm(bias, each, weight.T), dim=1) for each in rows]
        target = targets[place, None]
        total += sum(_cross_entropy(each, target, terms.smoothing) for each in logs) / 2
        apart = logs[0] - logs[1]
        chances = [each.exp_() for each in logs]
        divergences = [(p * apart).sum(dim=1, keepdim=True) for p in chances]
        total += terms.alpha * (divergences[0] - divergences[1]).sum() / 2
        if gradients is None:
            continue
        for number, sign in ((0, 1), (1, -1)):
            p, q = chances[number], chances[1 - number]
            of_logits = (apart - divergences[number]).mul_(p).mul_(sign).add_(p).sub_(q)
            of_logits.mul_(terms.alpha).add_(p)
            if terms.smoothing:
                of_logits.sub_(terms.smoothing / len(weight))
            of_logits.scatter_add_(1, target, p.new_full(target.shape, terms.smoothing - 1))
            of_logits.div_(2)
            torch.mm(of_logits, weight, out=gradients[number][place])
            gradients[2].addmm_(of_logits.T, rows[number])
    return total


def _cross_entropy(logs: torch.Tensor, target: torch.Tensor, smoothing: float) -> torch.Tensor:
    """Return the smoothed cross-entropy summed over rows of log-probabilities."""
    plain = -(1 - smoothing) * logs.gather(1, target).sum()
    return plain - smoothing / logs.shape[1] * logs.sum() if smoothing else plain
