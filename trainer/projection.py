"""The projection of hidden states onto the vocabulary, most of a small model's work.

On an x86 CPU a search has oneDNN's product with a weight that it has laid out for itself: for 40
rows of width 128 over 30,015 tokens it takes 5.5 ms where MKL's takes 7.1 the better and 10.2 the
other way round; laying out takes 4 ms. The results are those of the plain product. The loss has its
logits in columns (fused_loss.py).

In bf16, on a CPU with AMX, the loss has its tensors in fp32 and lets the product round what it
multiplies; a search has its logits in bf16 too, as under autocast, because the product is then done
in 0.7 ms instead of 2.3 (40 rows; fp32 4.3).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn import functional
from transformers import BartForConditionalGeneration

from trainer.device import Precision


@dataclass(frozen=True)
class Projection:
    """From hidden states to logits; weight: (vocabulary, width), bias: (vocabulary,).

    `in_bf16`: a CPU may round what it multiplies to bf16. On a GPU autocast decides.
    """

    weight: torch.Tensor
    bias: torch.Tensor
    in_bf16: bool = False

    @classmethod
    def of(cls, model: BartForConditionalGeneration, precision: Precision) -> "Projection":
        """Return the model's own."""
        return cls(model.lm_head.weight, model.final_logits_bias[0], precision.name == "bf16")

    @contextmanager
    def products(self) -> Iterator[None]:
        """Multiply in the projection's precision inside."""
        matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # set at import
        before = matmul.fp32_precision
        if self.in_bf16:
            matmul.fp32_precision = "bf16"
        try:
            yield
        finally:
            matmul.fp32_precision = before

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits, (rows, vocabulary), for states (rows, width)."""
        with self.products():
            return functional.linear(states, self.weight, self.bias)

    def columns(
        self, states: torch.Tensor, tokens: slice, out: torch.Tensor | None
    ) -> torch.Tensor:
        """Return these tokens' logits with a column for each state, (tokens, rows), in `out`."""
        with self.products():
            logits = torch.mm(self.weight[tokens], states.T, out=out)
        return logits.add_(self.bias[tokens, None]) if bool(self.bias.any()) else logits

    def logits_of(self, states: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Return the logit of one token for each state, (rows,)."""
        weight = self.weight[tokens]
        if self.in_bf16:
            states, weight = states.bfloat16().float(), weight.bfloat16().float()
        return (states * weight).sum(dim=1).add_(self.bias[tokens])


class Product:
    """The product of one projection with states, again and again while its weight stays as it is.

    rows: about how many states there are at once.
    """

    def __init__(self, projection: Projection, *, rows: int) -> None:
        self.projection = projection
        self._packed = _packed(projection, rows)
        self._bias = projection.bias if bool(projection.bias.any()) else None

    def __call__(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits, (rows, vocabulary), for states (rows, width)."""
        if self._packed is None or states.dtype != self.projection.weight.dtype:
            return self.projection.logits(states)
        if not self.projection.in_bf16:
            return _times(states, self._packed, self.projection.bias)
        logits = _times(states.bfloat16(), self._packed, None).float()
        return logits if self._bias is None else logits.add_(self._bias)


def _times(states: torch.Tensor, packed: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    product = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001  # it has no other name
    logits: torch.Tensor = product(states, packed, bias, "none", [], "")
    return logits


def _packed(projection: Projection, rows: int) -> torch.Tensor | None:
    """Return the weight as oneDNN wants it for so many rows; None where it has no such way."""
    weight = projection.weight.detach()
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not plain or not has_onednn or not _is_x86():
        return None
    if projection.in_bf16:
        if not torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001
            return None
        weight = weight.bfloat16()
    packed: torch.Tensor = torch.ops.mkldnn._reorder_linear_weight(weight, rows)  # noqa: SLF001
    return packed


def _is_x86() -> bool:
    return torch.backends.cpu.get_cpu_capability() in {"AVX2", "AVX512"}
