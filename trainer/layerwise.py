"""Layer-wise learning-rate decay: what lies lower in the model changes more slowly.

The top layers of encoder and decoder have the whole learning rate, each layer below them `factor`
of the one above, and the embeddings, which both share, `factor` of the lowest layer there is. The
schedule multiplies all rates alike.
"""

import re
from typing import Any

import torch
from transformers import BartForConditionalGeneration

LAYER = re.compile(r"model\.(encoder|decoder)\.layers\.(\d+)\.")
EMBEDDINGS = re.compile(
    r"model\.(shared|(encoder|decoder)\.(embed_tokens|embed_positions|layernorm_embedding))\."
)


def layerwise_groups(
    model: BartForConditionalGeneration,
    *,
    decayed: frozenset[str],
    factor: float,
    learning_rate: float,
    weight_decay: float,
) -> list[dict[str, Any]]:
    """Return an optimizer's parameter groups, those with the whole learning rate first.

    decayed: names of the parameters that weight decay is applied to.
    """
    layers = {
        "encoder": len(model.model.encoder.layers),
        "decoder": len(model.model.decoder.layers),
    }
    groups: dict[tuple[int, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            place = (_depth(name, layers), name not in decayed)
            groups.setdefault(place, []).append(parameter)
    return [
        {
            "params": groups[depth, plain],
            "lr": learning_rate * factor**depth,
            "weight_decay": 0.0 if plain else weight_decay,
        }
        for depth, plain in sorted(groups)
    ]


def _depth(name: str, layers: dict[str, int]) -> int:
    """Return how many layers lie above the parameter, in its half of the model."""
    if EMBEDDINGS.match(name):
        return max(layers.values())
    found = LAYER.match(name)
    return layers[found[1]] - 1 - int(found[2]) if found else 0
