"""Batches of similar length, padded to a multiple of 8: order, padding, where to cut them.

An epoch's order follows from (seed, epoch) alone, never from the global random state, so that a
training can be taken up in the middle of any epoch. Labels are padded with -100.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Sampler

PAD_MULTIPLE = 8
IGNORED_LABEL = -100
# What one more piece costs beside its positions, told in positions: measured for d 128 on one core,
# where updates in pieces of 16, 8, 4, 2 and 1 similar rows took 0.42, 0.38, 0.42, 0.54 and 0.83 s.
UPDATE = 512
EVALUATION = 4096  # a piece searches up to 128 tokens
POOL = 50  # batches sorted by length together, at most; fewer where an epoch has under 200
EPOCH_STRIDE = 1_000_003  # keeps the epochs' seeds of neighbouring seeds apart


class LengthGrouped(Sampler[int]):
    """Batches of similar length in random order, drawn for each epoch from the seed and its number.

    Examples are shuffled, sorted by length within pools of up to 50 batches, cut into batches, and
    these are shuffled: pools of sorted batches one after the other, as transformers leaves them,
    cost a tenth of the ROUGE in a small training (docs/benchmarks/trial.md).
    """

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
        batches = self._batches(torch.randperm(len(self), generator=generator).tolist())
        whole = [batch for batch in batches if len(batch) == self.batch]
        left = batches[len(whole) :]  # at most one, and the loader wants it last
        shuffled = [whole[at] for at in torch.randperm(len(whole), generator=generator).tolist()]
        if whole and self.epoch == 0:  # the longest first: memory fails early
            longest = max(shuffled, key=self._longest)
            shuffled.sort(key=lambda batch: batch is not longest)
        return (index for batch in [*shuffled, *left] for index in batch)

    def _batches(self, order: list[int]) -> list[list[int]]:
        pool = self.batch * max(1, min(len(order) // (4 * self.batch), POOL))
        for start in range(0, len(order), pool):
            order[start : start + pool] = sorted(
                order[start : start + pool], key=lambda index: -self.lengths[index]
            )
        return [order[start : start + self.batch] for start in range(0, len(order), self.batch)]

    def _longest(self, batch: list[int]) -> int:
        return self.lengths[batch[0]]


@dataclass(frozen=True)
class Padding:
    """Collates pairs into tensors of shape (batch, length), length a multiple of 8.

    `positions`: those of the model, which padding does not go beyond (KoBART has 1,026).
    The decoder's inputs are made here, as the labels shifted right behind `decoder_start`: the
    trainer takes the labels out before the model sees them, and BART would then shift the
    encoder's input instead.
    """

    pad: int
    decoder_start: int
    positions: int

    def __call__(self, pairs: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, torch.Tensor]:
        """Return the model's inputs and labels; each pair has `input_ids` and `labels`.

        The pair with the longest input comes first, so that pieces are of similar length.
        """
        pairs = sorted(pairs, key=lambda pair: -len(pair["input_ids"]))
        input_ids, attention_mask = self.sources([pair["input_ids"] for pair in pairs])
        labels = self._padded([pair["labels"] for pair in pairs], IGNORED_LABEL)
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
        input_ids = self._padded(rows, self.pad)
        lengths = torch.tensor([[len(row)] for row in rows])
        return input_ids, (torch.arange(input_ids.shape[1]) < lengths).long()

    def _padded(self, rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
        width = min(padded_width(max(len(row) for row in rows)), self.positions)
        values = np.full((len(rows), width), fill, dtype=np.int64)
        for index, row in enumerate(rows):
            values[index, : len(row)] = row
        return torch.from_numpy(values)


def by_length(lengths: Sequence[int], *, batch: int, worth: int = EVALUATION) -> list[list[int]]:
    """Return the indices in batches of similar length, the longest first: memory fails early.

    `worth`: see `cut`.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    ends = cut([lengths[index] for index in order], most=batch, worth=worth)
    return [order[start:end] for start, end in pairwise([0, *ends])]


def cut(lengths: Sequence[int], *, most: int, worth: int) -> list[int]:
    """Return where to cut rows, the longest first, into pieces of at most `most` rows.

    A row is padded to the first of its piece. The padding is least that can be had, a further
    piece counting as `worth` positions of it. Given are the pieces' ends.
    """
    best = [(0, 0)]  # of the first n rows: positions and pieces' worth, start of the last piece
    for end in range(1, len(lengths) + 1):
        best.append(
            min(
                (best[start][0] + lengths[start] * (end - start) + worth, start)
                for start in range(max(0, end - most), end)
            )
        )
    ends: list[int] = []
    end = len(lengths)
    while end:
        ends.append(end)
        end = best[end][1]
    return ends[::-1]


def padded_width(longest: int) -> int:
    """Return the width of a tensor whose longest row has that many tokens."""
    return -(-longest // PAD_MULTIPLE) * PAD_MULTIPLE
