"""Attention over lengths that are new with nearly every batch, and with every token of a search.

On compute capability 9.0 and 10.0 (H100, H200, B200) torch since 2.11 prefers cuDNN for 16 bits.
cuDNN builds a plan for each new shape, batch and lengths, and keeps it for the process: others
report 23 to 37 ms for one on an H100, and 0.4 s with 0.6 s more for its backward pass on a B200.
An epoch has hundreds of shapes here, a search one more for each token. The kernels that torch takes
elsewhere need no plan.

A CPU is told of the padding once for all of a text's tokens: transformers says it again for each, a
mask as large as the scores, which is then read and turned into numbers anew in every layer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.backends import cuda


@contextmanager
def attention_of_any_shape() -> Iterator[None]:
    """Have a card attend without cuDNN inside; changes nothing for a CPU."""
    before = cuda.cudnn_sdp_enabled()  # type: ignore[no-untyped-call]  # torch gives it no types
    cuda.enable_cudnn_sdp(enabled=False)
    try:
        yield
    finally:
        cuda.enable_cudnn_sdp(enabled=before)


def padding_mask(mask: torch.Tensor) -> torch.Tensor | None:
    """Return what a model is best given for such a mask, (texts, length), 0 for padding.

    On a CPU that is one of shape (texts, 1, 1, length), -inf for padding, or None where there is
    none.
    """
    if mask.device.type != "cpu":
        return mask
    if bool(mask.all()):
        return None
    opened = torch.zeros(mask.shape).masked_fill_(mask == 0, float("-inf"))
    return opened[:, None, None, :]
