"""How much of what goes through the model in training is padding: `padding_waste`, for a guard.

Counted in the very pieces that go through the model on a CPU in an epoch, as a share of all.
"""

import sys
from dataclasses import dataclass

from config.schema import Configuration
from trainer.batches import IGNORED_LABEL, LengthGrouped, Padding
from trainer.encode import EncodedSplit
from trainer.session import TrainingSession
from trainer.split_steps import pieces_of


@dataclass(frozen=True)
class Waste:
    """Shares of padding from 0 to 1: of the encoder's positions, the decoder's, and all of both."""

    encoder: float
    decoder: float
    whole: float


def padding_waste(config: Configuration, session: TrainingSession) -> Waste:
    """Return the shares of padding in the first epoch of this training."""
    return waste_of(
        session.train_split(config),
        batch=config.training.per_device_train_batch_size,
        seed=config.general.seed,
    )


def waste_of(split: EncodedSplit, *, batch: int, seed: int) -> Waste:
    """Return the shares of padding in the first epoch over a split."""
    padding = Padding(pad=0, decoder_start=0, positions=sys.maxsize)
    order = list(LengthGrouped(split.input_ids.lengths, batch=batch, seed=seed))
    sources = targets = positions = slots = 0
    for start in range(0, len(order), batch):
        whole = padding([split[index] for index in order[start : start + batch]])
        for piece in pieces_of(whole, most=batch):
            sources += int(piece["attention_mask"].sum())
            positions += piece["attention_mask"].numel()
            targets += int((piece["labels"] != IGNORED_LABEL).sum())
            slots += piece["labels"].numel()
    return Waste(
        encoder=1 - sources / positions,
        decoder=1 - targets / slots,
        whole=1 - (sources + targets) / (positions + slots),
    )
