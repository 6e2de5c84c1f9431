"""The arithmetic of model FLOPs utilisation: what a training step has to compute, by its tokens.

Counted are the matrix products alone, two FLOPs a multiplication and addition, the backward pass
twice the forward one. Padding counts for nothing, nor does what checkpointing computes again.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import BartConfig

BACKWARD = 2  # times the forward pass
PEAK_TFLOPS = {  # dense bf16 on tensor cores, as the data sheets say; the first that fits counts
    "B200": 2250.0,
    "H200 NVL": 835.0,
    "H200": 989.0,
    "H100 NVL": 835.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "A10G": 70.0,
    "A10": 125.0,
    "RTX 4090": 165.0,
}
MATRIX = 8192
PRODUCTS = 20


@dataclass(frozen=True)
class Shape:
    """What of a BART decides its FLOPs: layers, and widths."""

    encoder_layers: int
    decoder_layers: int
    width: int
    encoder_ffn: int
    decoder_ffn: int
    vocabulary: int

    @classmethod
    def of(cls, model: BartConfig) -> "Shape":
        """Return the shape of a model with that configuration."""
        values = model.to_dict()
        return cls(
            encoder_layers=values["encoder_layers"],
            decoder_layers=values["decoder_layers"],
            width=values["d_model"],
            encoder_ffn=values["encoder_ffn_dim"],
            decoder_ffn=values["decoder_ffn_dim"],
            vocabulary=values["vocab_size"],
        )


def training_flops(shape: Shape, sources: Sequence[int], targets: Sequence[int]) -> float:
    """Return the FLOPs of one forward and backward pass over pairs of these lengths in tokens."""
    forward = sum(
        _encoder(shape, source) + _decoder(shape, source, target)
        for source, target in zip(sources, targets, strict=True)
    )
    return (1 + BACKWARD) * forward


def peak_tflops(card: str) -> float | None:
    """Return the card's peak for bf16 matrices; None for one that the table does not know."""
    named = (peak for name, peak in PEAK_TFLOPS.items() if re.search(rf"\b{name}\b", card))
    return next(named, None)


def measured_tflops(device: torch.device) -> float:
    """Return what a large bf16 matrix product reaches on the device."""
    left, right = (
        torch.randn(MATRIX, MATRIX, device=device, dtype=torch.bfloat16) for _ in range(2)
    )
    torch.matmul(left, right)
    torch.cuda.synchronize(device)
    begun = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.matmul(left, right)
    torch.cuda.synchronize(device)
    return PRODUCTS * 2 * MATRIX**3 / (time.perf_counter() - begun) / 1e12


def _encoder(shape: Shape, length: int) -> float:
    layer = 4 * shape.width**2 + 2 * shape.width * shape.encoder_ffn
    return shape.encoder_layers * length * (2 * layer + 4 * length * shape.width)


def _decoder(shape: Shape, source: int, target: int) -> float:
    """Cross-attention projects keys and values of the source, queries and output of the target."""
    own = 6 * shape.width**2 + 2 * shape.width * shape.decoder_ffn
    seen = target / 2 + source  # a token attends to those before it, and to the source
    layer = target * (2 * own + 4 * shape.width * seen) + source * 4 * shape.width**2
    return shape.decoder_layers * layer + target * 2 * shape.width * shape.vocabulary
