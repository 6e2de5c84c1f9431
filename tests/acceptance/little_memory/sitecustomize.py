"""Stands in for a card of little memory in every process that has this folder on PYTHONPATH.

An encoder that is given more than LITTLE_MEMORY tokens at once raises what CUDA raises.
"""

import importlib.abc
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Patch(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports trainer.model as ever, and then changes the encoder's forward."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != "trainer.model":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        self.run = spec.loader.exec_module
        spec.loader = self
        return spec

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        self.run(module)
        import torch
        from transformers.models.bart.modeling_bart import BartEncoder

        forward = BartEncoder.forward

        def within_memory(self: Any, input_ids: Any = None, **others: Any) -> Any:
            if input_ids is not None and input_ids.numel() > int(os.environ["LITTLE_MEMORY"]):
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return forward(self, input_ids=input_ids, **others)

        BartEncoder.forward = within_memory


if "LITTLE_MEMORY" in os.environ:
    sys.meta_path.insert(0, Patch())
