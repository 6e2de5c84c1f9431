"""Batches of similar length, padded to a multiple of 8: order, padding, and nothing else.

An epoch's order follows from (seed, epoch) alone, never from the global random state, so that a
training can be taken up in the middle of any epoch. Labels are padded with -100.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

PAD_MULTIPLE = 8
IGNORED_LABEL = -100
EPOCH_STRIDE = 1_000_003  # keeps the epochs' seeds of neighbouring seeds apart


class LengthGrouped(Sampler[int]):
    """Transformers' length-grouped order, drawn for each epoch from the seed and its number."""

    def __init__(self, lengths: Sequence[int], *, batch: int, seed: int) -> None:
        self.lengths = list(lengths)
        self.batch = batch
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (from 0) whose order the next iteration gives; called by accelerate."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * EPOCH_STRIDE + self.epoch)
        order: list[int] = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self.lengths, self.batch, generator=generator
        )
        return iter(order)


@dataclass(frozen=True)
class Padding:
    """Collates pairs into tensors of shape (batch, length), length a multiple of 8.

    The decoder's inputs are made here, as the labels shifted right behind `decoder_start`: the
    trainer takes the labels out before the model sees them, and BART would then shift the
    encoder's input instead.
    """

    pad: int
    decoder_start: int

    def __call__(self, pairs: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, torch.Tensor]:
        """Return the model's inputs and labels; each pair has `input_ids` and `labels`."""
        input_ids, attention_mask = self.sources([pair["input_ids"] for pair in pairs])
        labels = _padded([pair["labels"] for pair in pairs], IGNORED_LABEL)
        shifted = torch.full_like(labels, self.decoder_start)
        shifted[:, 1:] = labels[:, :-1].masked_fill(labels[:, :-1] == IGNORED_LABEL, self.pad)
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "decoder_input_ids": shifted,
            "labels": labels,
        }

    def sources(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (input ids, attention mask) of the rows."""
        input_ids = _padded(rows, self.pad)
        lengths = torch.tensor([[len(row)] for row in rows])
        return input_ids, (torch.arange(input_ids.shape[1]) < lengths).long()


def by_length(lengths: Sequence[int], *, batch: int) -> list[list[int]]:
    """Return the indices in batches of similar length, the longest first: memory fails early."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def _padded(rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    longest = max(len(row) for row in rows)
    width = -(-longest // PAD_MULTIPLE) * PAD_MULTIPLE
    values = np.full((len(rows), width), fill, dtype=np.int64)
    for index, row in enumerate(rows):
        values[index, : len(row)] = row
    return torch.from_numpy(values)
