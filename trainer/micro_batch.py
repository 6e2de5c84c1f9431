"""How many examples go through the model at once, found by trying and remembered.

Where a batch does not fit into the device's memory it is halved, rounded up (50, 25, 13, 7, 4, 2,
1), until it does. What a training or an evaluation computes over the whole batch stays the same.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol, TypeVar

import torch

from config.schema import Configuration
from trainer.device import Precision, cuda_in_use, device_name, pick_device
from trainer.device_errors import drop_tensors, free_memory, is_out_of_memory
from trainer.errors import OutOfMemory
from trainer.memory_share import GIB, crowded, memory_of

log = logging.getLogger(__name__)

T = TypeVar("T")


class MicroBatches(Protocol):
    """The sizes that trainings before found to fit; the key names model, length and batch."""

    def known(self, key: str) -> int | None:
        """Return the size that fitted; None where nobody has found one."""

    def found(self, key: str, size: int) -> None:
        """Remember that this size fits."""


class InProcess:
    """Remembers in this process alone."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def known(self, key: str) -> int | None:
        """Return the size that fitted; None where none has been found."""
        return self._sizes.get(key)

    def found(self, key: str, size: int) -> None:
        """Remember a size; one that is known to be too large never comes back."""
        self._sizes[key] = min(size, self._sizes.get(key, size))


@dataclass(frozen=True)
class Load:
    """What a batch's need of memory depends on: `key` is the same for all that need the same."""

    field: str  # of the configuration, where the batch stands
    wanted: int
    key: str
    relief: str  # what else could be made smaller, in words


class FittingBatch:
    """A batch size that is halved where memory runs out, and remembered once it fits."""

    def __init__(self, load: Load, memory: MicroBatches) -> None:
        self.load = load
        self._memory = memory
        self._new = False

    @cached_property
    def size(self) -> int:
        """How many at once, now; what was found before is asked for when it is first wanted."""
        known = self._memory.known(self.load.key)
        return self.load.wanted if known is None else max(1, min(known, self.load.wanted))

    @classmethod
    def of(cls, wanted: int) -> "FittingBatch":
        """Return a size of its own: what it finds is not remembered."""
        relief = "use a shorter input or fewer beams"
        return cls(Load(field="batch size", wanted=wanted, key="", relief=relief), InProcess())

    def fits(self, attempt: Callable[[], None]) -> bool:
        """Run the attempt; False when memory ran out: then it is free again, and the size halved.

        Raises OutOfMemory where the size is 1 already, or DeviceTaken where others fill the card;
        then no size is remembered.
        """
        try:
            attempt()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            drop_tensors(error)
        else:
            self._remember()
            return True
        free_memory()  # not in the handler: there the error still holds the step's frames
        self._halve()
        return False

    def _halve(self) -> None:
        taken = crowded()
        self._new = taken is None
        if self.size == 1:
            if taken is not None:
                raise taken
            self._remember()  # so that the next one need not come down all the way
            raise OutOfMemory(_does_not_fit(self.load))
        smaller = -(-self.size // 2)
        log.warning(
            "%s: %d at once do not fit in memory, trying %d", self.load.field, self.size, smaller
        )
        self.size = smaller

    def _remember(self) -> None:
        if self._new:
            self._memory.found(self.load.key, self.size)
            self._new = False


def in_pieces(batch: FittingBatch, items: Sequence[T], run: Callable[[Sequence[T]], None]) -> None:
    """Run over the items in order, as many at once as fit; what failed is run again."""
    start = 0
    while start < len(items):
        piece = items[start : start + batch.size]
        if batch.fits(partial(run, piece)):
            start += len(piece)


def training_load(config: Configuration, precision: Precision, device: torch.device) -> Load:
    """Return the load of a training's batches."""
    training = config.training
    twice = {"passes": 2} if training.rdrop_alpha else {}  # only then: known keys stay as they are
    return Load(
        field="training.per_device_train_batch_size",
        wanted=training.per_device_train_batch_size,
        key=_key(
            config,
            precision,
            device,
            train_batch=training.per_device_train_batch_size,
            gradient_checkpointing=training.gradient_checkpointing,
            **twice,
        ),
        relief="lower model.max_encoder_length, or set training.gradient_checkpointing",
    )


def evaluation_load(config: Configuration, precision: Precision, device: torch.device) -> Load:
    """Return the load of an evaluation's batches."""
    return Load(
        field="training.per_device_eval_batch_size",
        wanted=config.training.per_device_eval_batch_size,
        key=_key(
            config,
            precision,
            device,
            eval_batch=config.training.per_device_eval_batch_size,
            beams=config.generation.num_beams,
            new_tokens=config.generation.max_new_tokens,
        ),
        relief="lower model.max_encoder_length or generation.num_beams",
    )


def _key(
    config: Configuration, precision: Precision, device: torch.device, **others: object
) -> str:
    model = config.model
    parts = {
        "model": model.name,
        "architecture": dict(model.architecture or {}),
        "lengths": [model.max_encoder_length, model.max_decoder_length],
        "precision": precision.name,
        "device": _kind(device),
        **others,
    }
    return json.dumps(parts, sort_keys=True)


def _kind(device: torch.device) -> str:
    """Return the kind of device: a card's name with its memory, which one name comes in two of.

    Of a card that is shared, it is the memory that this process may take.
    """
    if device.type != "cuda":
        return device.type
    return f"{device_name(device)} {memory_of(device) / GIB:.0f} GiB"


def _does_not_fit(load: Load) -> str:
    return (
        f"{load.field} {load.wanted} does not fit in memory{_memory_left()}, not even one example"
        f" at a time; {load.relief}, or use a smaller model"
    )


def _memory_left() -> str:
    """Return what model, optimizer and other programs leave of the card, as words."""
    if not cuda_in_use():
        return ""
    free, total = torch.cuda.mem_get_info()
    ours = memory_of(pick_device())
    share = f"; {ours / GIB:.1f} GiB are this worker's share" * (ours < total)
    return f" ({free / GIB:.1f} of {total / GIB:.1f} GiB were left for it{share})"
