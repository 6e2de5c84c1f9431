"""Attention over lengths that are new with nearly every batch, and with every token of a search.

On compute capability 9.0 and 10.0 (H100, H200, B200) torch since 2.11 prefers cuDNN for 16 bits.
cuDNN builds a plan for each new shape, batch and lengths, and keeps it for the process: others
report 23 to 37 ms for one on an H100, and 0.4 s with 0.6 s more for its backward pass on a B200.
An epoch has hundreds of shapes here, a search one more for each token. The kernels that torch takes
elsewhere need no plan.
"""

from collections.abc import Iterator
from contextlib import contextmanager

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
