"""Tensors one behind the other in one piece of the CPU's memory, to be copied all at once.

The C library copies a large piece past the caches, without reading first what it overwrites, and
takes half as long as torch does tensor by tensor (495 MB in 0.05 s instead of 0.09 s, measured).
"""

from collections.abc import Sequence

import numpy as np
import torch

ALIGNMENT = 64  # bytes, as torch's own tensors are


class Block:
    """Copies of tensors in one piece; each has a storage of its own, as if it lay alone."""

    def __init__(self, tensors: Sequence[torch.Tensor]) -> None:
        ends = np.cumsum([-(-tensor.nbytes // ALIGNMENT) * ALIGNMENT for tensor in tensors])
        self._memory = torch.empty(int(ends[-1]), dtype=torch.uint8).numpy()
        self.tensors = [
            self._copied(tensor, start) for tensor, start in zip(tensors, [0, *ends], strict=False)
        ]

    def holds(self, tensors: Sequence[torch.Tensor]) -> bool:
        """Whether these tensors are the block's own memory, one for one."""
        return [each.data_ptr() for each in tensors] == [each.data_ptr() for each in self.tensors]

    def take(self, other: "Block") -> None:
        """Copy the contents of a block of the same tensors; other threads run meanwhile."""
        np.copyto(self._memory, other._memory)  # noqa: SLF001 - its own kind

    def _copied(self, tensor: torch.Tensor, start: int) -> torch.Tensor:
        piece = torch.from_numpy(self._memory[start : start + tensor.nbytes])
        return piece.view(tensor.dtype).view(tensor.shape).copy_(tensor.detach())
