"""Optimizer steps whose batches go through the model in pieces, where that fits or is faster.

The order of the examples, the number of steps and the loss per target token of the whole update
stay as they are: only forward and backward are cut. When memory runs out, the gradients of
the update begun are dropped and it is done again in smaller pieces, with the random numbers that
it began with. So nothing is trained twice, and a training that finds its size in its first update
ends with the same model as one that knew it.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch

from trainer.batches import IGNORED_LABEL, UPDATE, cut, padded_width
from trainer.micro_batch import FittingBatch

Batch = dict[str, Any]
ForwardBackward = Callable[[Batch], torch.Tensor]
"""Adds a piece's gradients, and returns its share of the update's loss."""


class SplitSteps:
    """Takes the batches of each update, one after the other."""

    def __init__(
        self,
        model: torch.nn.Module,
        batch: FittingBatch,
        planned: Mapping[int, int] | None = None,
        taken: Mapping[int, int] | None = None,
    ) -> None:
        """`planned` and `taken` are sizes by the update from which on they hold.

        `taken` are those of an earlier attempt, whose last one goes on.
        """
        self._model = model
        self._batch = batch
        self._planned = planned or {}
        self.taken = dict(taken or {})
        if self.taken:
            batch.size = self.taken[max(self.taken)]
        self._update = 0
        self._batches: list[Batch] = []  # of the update begun
        self._losses: list[torch.Tensor] = []
        self._random = _RandomState(torch.device("cpu"))

    def begin(self, device: torch.device, update: int) -> None:
        """Begin an update, counted from 1; its gradients are zero."""
        self._update = update
        if update in self._planned:
            self._batch.size = min(self._planned[update], self._batch.load.wanted)
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
        if not self.taken or self.taken[max(self.taken)] != self._batch.size:
            self.taken[self._update] = self._batch.size
        return list(self._losses)

    def _catch_up(self, run: ForwardBackward) -> None:
        for batch in self._batches[len(self._losses) :]:
            self._losses.append(self._in_pieces(batch, run))

    def _in_pieces(self, batch: Batch, run: ForwardBackward) -> torch.Tensor:
        losses = [run(piece) for piece in pieces_of(batch, most=self._batch.size)]
        return torch.stack(losses).sum()


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


def pieces_of(batch: Batch, *, most: int) -> list[Batch]:
    """Cut a batch into pieces of at most `most` rows, and on a CPU so that little is padding.

    A GPU is done with a whole batch before it could be told of the pieces.
    """
    mask: torch.Tensor = batch["attention_mask"]
    if mask.device.type == "cpu":
        ends = cut(mask.sum(dim=1).tolist(), most=most, worth=UPDATE)
    else:
        ends = [*range(most, len(mask), most), len(mask)]
    return [_piece(batch, start, end) for start, end in pairwise([0, *ends])]


def _piece(batch: Mapping[str, Any], start: int, end: int) -> Batch:
    piece = {name: tensor[start:end] for name, tensor in batch.items()}
    if end - start == len(batch["labels"]) or piece["labels"].device.type != "cpu":
        return piece
    widths = {
        names: padded_width(int(kept.sum(dim=1).max()))
        for names, kept in (
            (("input_ids", "attention_mask"), piece["attention_mask"]),
            (("decoder_input_ids", "labels"), piece["labels"] != IGNORED_LABEL),
        )
    }
    return {name: piece[name][:, :width] for names, width in widths.items() for name in names}
