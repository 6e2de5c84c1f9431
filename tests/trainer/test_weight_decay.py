"""Which parameters weight decay is applied to: asked once for each model."""

import gc

import torch

from trainer import weight_decay
from trainer.weight_decay import decayed_names


def test_a_model_is_looked_through_once_and_forgotten_when_it_is_gone() -> None:
    asked: list[str] = []

    def names_of(model: torch.nn.Module) -> list[str]:
        asked.append(type(model).__name__)
        return [name for name, _ in model.named_parameters()]

    linear, norm = torch.nn.Linear(2, 2), torch.nn.LayerNorm(2)
    before = len(weight_decay._KNOWN)
    for _ in range(2):
        assert decayed_names(linear, names_of) == ["weight", "bias"]
        assert decayed_names(norm, names_of) == ["weight", "bias"]
    assert asked == ["Linear", "LayerNorm"]
    del linear, norm
    gc.collect()
    assert len(weight_decay._KNOWN) == before
