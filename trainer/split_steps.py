"""Optimizer steps whose batches go through the model in pieces, where a whole one does not fit.

The order of the examples, the number of steps and the loss per target token of the whole update
stay as they are: only forward and backward are cut. When memory runs out, the gradients of
the update begun are dropped and it is done again in smaller pieces, with the random numbers that
it began with. So nothing is trained twice, and a training that finds its size in its first update
ends with the same model as one that knew it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from trainer.micro_batch import FittingBatch

Batch = dict[str, Any]
ForwardBackward = Callable[[Batch], torch.Tensor]
"""Adds a piece's gradients, and returns its share of the update's loss."""


class SplitSteps:
    """Takes the batches of each update, one after the other."""

    def __init__(self, model: torch.nn.Module, batch: FittingBatch) -> None:
        self._model = model
        self._batch = batch
        self._batches: list[Batch] = []  # of the update begun
        self._losses: list[torch.Tensor] = []
        self._random = _RandomState(torch.device("cpu"))

    def begin(self, device: torch.device) -> None:
        """Begin an update; its gradients are zero."""
        self._batches.clear()
        self._losses.clear()
        self._random = _RandomState(device)

    def add(self, batch: Batch, run: ForwardBackward) -> list[torch.Tensor]:
        """Run the update's next batch; the losses of all its batches up to this one.

        Raises OutOfMemory where not even a single example fits.
        """
        self._batches.append(batch)
        while not self._batch.fits(lambda: self._catch_up(run)):
            self._model.zero_grad(set_to_none=True)
            self._losses.clear()
            self._random.restore()
        return list(self._losses)

    def _catch_up(self, run: ForwardBackward) -> None:
        for batch in self._batches[len(self._losses) :]:
            self._losses.append(self._in_pieces(batch, run))

    def _in_pieces(self, batch: Batch, run: ForwardBackward) -> torch.Tensor:
        examples = len(batch["input_ids"])
        size = self._batch.size
        pieces = [run(_piece(batch, start, size)) for start in range(0, examples, size)]
        return torch.stack(pieces).sum()


class _RandomState:
    """The state of the random numbers that a model draws on a device, as of now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cpu = torch.get_rng_state()
        self._cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def restore(self) -> None:
        """Draw from here again."""
        torch.set_rng_state(self._cpu)
        if self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)


def _piece(batch: Mapping[str, Any], start: int, size: int) -> Batch:
    return {name: tensor[start : start + size] for name, tensor in batch.items()}
