"""Small networks, many configurations at once: every parameter has the configurations in front.

What differs between configurations is their initial weights, their batches and their optimizer; no
number of one reaches another, so one that diverges harms none.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

Weights = Mapping[str, Tensor]
SIDE = 8  # of a picture


@dataclass(frozen=True)
class Shape:
    """A parameter without its configurations; `fan_in` None: it starts at zero, 0: as one."""

    sizes: tuple[int, ...]
    fan_in: int | None


@dataclass(frozen=True)
class Network:
    """The parameters of a network, and the scores it gives: configurations x examples x classes."""

    shapes: Mapping[str, Shape]
    scores: Callable[[Weights, Tensor], Tensor]


def linear(weights: Weights, name: str, inputs: Tensor) -> Tensor:
    """`inputs`, configurations x examples x features, through a layer of each."""
    return torch.baddbmm(weights[f"{name}.bias"].unsqueeze(1), inputs, weights[name])


def _layer(name: str, inputs: int, outputs: int) -> dict[str, Shape]:
    return {name: Shape((inputs, outputs), inputs), f"{name}.bias": Shape((outputs,), None)}


def embedded(weights: Weights, tokens: Tensor) -> Tensor:
    """The tokens' vectors, configurations x examples x length x size."""
    table = weights["embedding"]
    first = torch.arange(len(table)).view(-1, 1, 1) * table.shape[1]
    return functional.embedding(tokens + first, table.flatten(0, 1))


def recurrent(
    cell: str, *, vocabulary: int, size: int, hidden: int, classes: int, average: bool
) -> Network:
    """`lstm`, `gru`, `irnn`, `vrnn_relu`, `vrnn_tanh`; the last state or all on average decide."""
    gates = {"lstm": 4, "gru": 3}.get(cell, 1)
    state = Shape((hidden, gates * hidden), 0 if cell == "irnn" else hidden)
    shapes = {
        "embedding": Shape((vocabulary, size), 4),
        **_layer("in", size, gates * hidden),
        "state": state,
        **_layer("out", hidden, classes),
    }
    step = {"lstm": _lstm, "gru": _gru}.get(cell) or _plain(
        torch.tanh if cell == "vrnn_tanh" else torch.relu
    )

    def scores(weights: Weights, tokens: Tensor) -> Tensor:
        vectors = embedded(weights, tokens)
        driven = linear(weights, "in", vectors.flatten(1, 2)).view(*vectors.shape[:3], -1)
        count, examples = driven.shape[:2]
        now = (torch.zeros(count, examples, hidden),) * (2 if cell == "lstm" else 1)
        total = torch.zeros(())
        for one in driven.unbind(2):
            now = step(one, now, weights["state"])
            total = total + now[0] if average else now[0]
        return linear(weights, "out", total / tokens.shape[2] if average else total)

    return Network(shapes, scores)


State = tuple[Tensor, ...]


def _lstm(driven: Tensor, now: State, matrix: Tensor) -> State:
    gates = torch.baddbmm(driven, now[0], matrix)
    size = now[0].shape[2]
    forget, take, show = torch.sigmoid(gates[..., : 3 * size]).chunk(3, 2)
    cell = forget * now[1] + take * torch.tanh(gates[..., 3 * size :])
    return show * torch.tanh(cell), cell


def _gru(driven: Tensor, now: State, matrix: Tensor) -> State:
    size = now[0].shape[2]
    gates = torch.baddbmm(driven[..., : 2 * size], now[0], matrix[..., : 2 * size])
    update, reset = torch.sigmoid(gates).chunk(2, 2)
    new = torch.tanh(
        torch.baddbmm(driven[..., 2 * size :], reset * now[0], matrix[..., 2 * size :])
    )
    return (torch.lerp(new, now[0], update),)


def _plain(activation: Callable[[Tensor], Tensor]) -> Callable[[Tensor, State, Tensor], State]:
    return lambda driven, now, matrix: (activation(torch.baddbmm(driven, now[0], matrix)),)


def attention(*, vocabulary: int, length: int, size: int, classes: int) -> Network:
    """One block of a transformer with one head and no normalization; the mean decides."""
    shapes = {
        "embedding": Shape((vocabulary, size), 4),
        "place": Shape((length, size), length),
        **_layer("keys", size, 3 * size),
        **_layer("wide", size, 2 * size),
        **_layer("narrow", 2 * size, size),
        **_layer("out", size, classes),
    }

    def scores(weights: Weights, tokens: Tensor) -> Tensor:
        vectors = embedded(weights, tokens) + weights["place"].unsqueeze(1)
        flat = vectors.flatten(1, 2)
        query, key, value = (
            one.reshape(-1, length, size) for one in linear(weights, "keys", flat).chunk(3, 2)
        )
        looks = torch.softmax(torch.bmm(query, key.transpose(1, 2)) / math.sqrt(size), 2)
        flat = flat + torch.bmm(looks, value).view(flat.shape)
        flat = flat + linear(weights, "narrow", torch.relu(linear(weights, "wide", flat)))
        return linear(weights, "out", flat.view(vectors.shape).mean(2))

    return Network(shapes, scores)


def perceptron(
    *, features: int, hidden: tuple[int, ...], classes: int, tanh: bool = False
) -> Network:
    """Layers of so many units each, then the classes."""
    sizes = (features, *hidden)
    shapes: dict[str, Shape] = {}
    for place, (before, after) in enumerate(zip(sizes, hidden, strict=False)):
        shapes |= _layer(str(place), before, after)
    shapes |= _layer("out", sizes[-1], classes)
    activation = torch.tanh if tanh else torch.relu

    def scores(weights: Weights, inputs: Tensor) -> Tensor:
        for place in range(len(hidden)):
            inputs = activation(linear(weights, str(place), inputs))
        return linear(weights, "out", inputs)

    return Network(shapes, scores)


def bag_of_words(*, vocabulary: int, size: int, hidden: int, classes: int) -> Network:
    """The mean of the tokens' vectors, one layer, then the classes."""
    shapes = {
        "embedding": Shape((vocabulary, size), 4),
        **_layer("wide", size, hidden),
        **_layer("out", hidden, classes),
    }

    def scores(weights: Weights, tokens: Tensor) -> Tensor:
        mean = embedded(weights, tokens).mean(2)
        return linear(weights, "out", torch.relu(linear(weights, "wide", mean)))

    return Network(shapes, scores)


def convolution(*, channels: int, classes: int) -> Network:
    """3 x 3 filters on 8 x 8 pictures, twice, the second time in steps of 2; the mean decides."""
    shapes = {
        **_layer("near", 9, channels),
        **_layer("far", 9 * channels, channels),
        **_layer("out", channels, classes),
    }

    def scores(weights: Weights, inputs: Tensor) -> Tensor:
        count, examples = inputs.shape[:2]
        pixels = inputs.view(count, examples, SIDE, SIDE, 1)
        near = torch.relu(_filtered(weights, "near", pixels, 1))
        far = torch.relu(_filtered(weights, "far", near, 2))
        return linear(weights, "out", far.mean((2, 3)))

    return Network(shapes, scores)


def _filtered(weights: Weights, name: str, pixels: Tensor, stride: int) -> Tensor:
    windows = pixels.unfold(2, 3, stride).unfold(3, 3, stride)
    flat = linear(weights, name, windows.flatten(4).flatten(1, 3))
    return flat.view(*windows.shape[:4], -1)
