"""Token embeddings whose gradients are added in place, for training on a CPU.

For each batch torch fills a matrix as large as the vocabulary with the gradient of the encoder's
embeddings, another with the decoder's, and adds both to that of the projection onto the vocabulary,
whose weight is the same: a tenth of an update of a small model. Here the rows of the tokens that
there are go into the weight's gradient, which the loss has made by then.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional
from transformers import BartForConditionalGeneration
from transformers.models.bart.modeling_bart import BartScaledWordEmbedding


@contextmanager
def gradients_in_place(model: BartForConditionalGeneration) -> Iterator[None]:
    """Train the token embeddings so inside; does nothing to a model on a GPU."""
    # one module for both where rows were added to the vocabulary
    parts = {model.model.encoder.embed_tokens, model.model.decoder.embed_tokens}
    embeddings = [part for part in parts if isinstance(part, BartScaledWordEmbedding)]
    if model.device.type != "cpu":
        embeddings = []
    for embedding in embeddings:
        embedding.forward = _InPlace(embedding)  # type: ignore[method-assign]  # for this model
    try:
        yield
    finally:
        for embedding in embeddings:
            del embedding.forward


class _InPlace:
    """The forward pass of an embedding; where nothing is trained, its own."""

    def __init__(self, embedding: BartScaledWordEmbedding) -> None:
        self._embedding = embedding
        self._plain = embedding.forward
        # What makes the result part of the graph: the weight must not, or its gradient would wait.
        self._anchor = torch.zeros((), requires_grad=True)
        self._scale = 1.0 if embedding.embed_scale is None else embedding.embed_scale

    def __call__(self, input_ids: torch.Tensor) -> torch.Tensor:
        embedding = self._embedding
        if not torch.is_grad_enabled() or not embedding.weight.requires_grad:
            plain: torch.Tensor = self._plain(input_ids)
            return plain
        rows: torch.Tensor = _Rows.apply(  # type: ignore[no-untyped-call]
            self._anchor, embedding, input_ids
        )
        return rows * self._scale


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        _anchor: torch.Tensor,
        embedding: torch.nn.Embedding,
        ids: torch.Tensor,
    ) -> torch.Tensor:
        ctx.embedding = embedding
        ctx.save_for_backward(ids)
        return functional.embedding(ids, embedding.weight)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[None, None, None]:
        weight, padding = ctx.embedding.weight, ctx.embedding.padding_idx
        ids = ctx.saved_tensors[0].flatten()
        rows = outer[0].flatten(0, -2)
        if padding is not None:
            rows = rows.masked_fill((ids == padding)[:, None], 0.0)
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        weight.grad.index_add_(0, ids, rows)
        return None, None, None
