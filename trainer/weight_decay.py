"""The parameters that weight decay is applied to: the same for every training of a model."""

from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch

M = TypeVar("M", bound=torch.nn.Module)

_KNOWN: WeakKeyDictionary[torch.nn.Module, list[str]] = WeakKeyDictionary()


def decayed_names(model: M, find: Callable[[M], list[str]]) -> list[str]:
    """Return what `find` says of the model; it is asked once, as long as the model lives."""
    if model not in _KNOWN:
        _KNOWN[model] = find(model)
    return _KNOWN[model]
