"""The states of all random number generators that a training may draw from."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class RngStates:
    """Python's and NumPy's generators as plain numbers, torch's as bytes; cuda None: no card."""

    python: list[Any]
    numpy: dict[str, Any]
    torch: Tensor
    cuda: Tensor | None


def rng_states() -> RngStates:
    """Return the states as they are now."""
    version, numbers, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)  # noqa: NPY002  # what libraries draw from
    return RngStates(
        python=[version, list(numbers), gauss],
        numpy={**legacy, "state": {**legacy["state"], "key": legacy["state"]["key"].tolist()}},
        torch=torch.get_rng_state(),
        cuda=torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    )


def set_rng_states(states: RngStates) -> None:
    """Set the generators; the card's where both have one."""
    version, numbers, gauss = states.python
    random.setstate((version, tuple(numbers), gauss))
    key = np.array(states.numpy["state"]["key"], dtype=np.uint32)
    state = {**states.numpy, "state": {**states.numpy["state"], "key": key}}
    np.random.set_state(state)  # noqa: NPY002
    torch.set_rng_state(states.torch)
    if states.cuda is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(states.cuda)


@contextmanager
def rng_untouched() -> Iterator[None]:
    """Put the generators back behind the block, however it ends."""
    before = rng_states()
    try:
        yield
    finally:
        set_rng_states(before)
