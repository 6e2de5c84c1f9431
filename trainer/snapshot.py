"""All that a training's next steps follow from, as it stands between two optimizer steps.

Tensors and plain numbers are kept apart: the ones become safetensors, the others JSON. Nothing is
pickled. Tensors are the training's own, not copies: a snapshot is to be written before the next
step changes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.optim import Optimizer

from trainer.rng import RngStates
from trainer.tensor_stream import Tensors


@dataclass(frozen=True)
class Position:
    """Where the training stands.

    `step` counts optimizer steps, from which epoch and place in it follow. `losses` are those of
    the steps since the last evaluation; `learning_rate` is that of the last step. `micro_batches`
    are pairs of an update and how many examples went through the model at once from there on.
    """

    step: int
    epoch: float
    losses: tuple[float, ...]
    learning_rate: float
    micro_batches: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A training between two steps; `scaler` is None without fp16."""

    position: Position
    weights: dict[str, torch.Tensor]
    optimizer: Mapping[str, Any]  # as torch's state_dict
    scheduler: Mapping[str, Any]
    scaler: Mapping[str, Any] | None
    rng: RngStates

    def evaluated(self) -> "Snapshot":
        """Return the same with the evaluation here made: the losses until now are told."""
        return replace(self, position=replace(self.position, losses=()))

    def let_go(self) -> None:
        """Drop the large tensors, once the training has them: they may hold a deleted file."""
        self.weights.clear()
        self.optimizer["state"].clear()

    def values(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        return {
            "position": {**vars(self.position)},
            "groups": self.optimizer["param_groups"],
            "scheduler": self.scheduler,
            "scaler": self.scaler,
            "python": self.rng.python,
            "numpy": self.rng.numpy,
        }

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return its tensors by name."""
        found = {f"weights/{name}": tensor for name, tensor in self.weights.items()}
        for index, state in self.optimizer["state"].items():
            found |= {f"optimizer/{index}/{name}": tensor for name, tensor in state.items()}
        found["rng/torch"] = self.rng.torch
        if self.rng.cuda is not None:
            found["rng/cuda"] = self.rng.cuda
        return found

    @classmethod
    def of(cls, values: Mapping[str, Any], tensors: Tensors) -> "Snapshot":
        """Return the snapshot that `values` and `tensors` hold; KeyError, TypeError for others."""
        state: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in _below("optimizer/", tensors).items():
            index, _, key = name.partition("/")
            state.setdefault(int(index), {})[key] = tensor
        return cls(
            position=_position(values["position"]),
            weights=_below("weights/", tensors),
            optimizer={"state": state, "param_groups": [_group(g) for g in values["groups"]]},
            scheduler=values["scheduler"],
            scaler=values["scaler"],
            rng=RngStates(
                python=values["python"],
                numpy=values["numpy"],
                torch=tensors["rng/torch"],
                cuda=tensors.get("rng/cuda"),
            ),
        )


def named_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the model's parameters and buffers, each once however often it is tied."""
    return {
        name: tensor.detach()
        for tensors in (model.named_parameters(), model.named_buffers())
        for name, tensor in tensors
    }


def set_weights(model: torch.nn.Module, weights: Tensors) -> None:
    """Copy weights into the model; ValueError where they are another model's."""
    own = named_weights(model)
    differing = own.keys() ^ weights.keys() or {
        name for name, tensor in own.items() if tensor.shape != weights[name].shape
    }
    if differing:
        raise ValueError(f"{min(differing)} is not as in the model")
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(weights[name])


def set_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Give the optimizer the state, in memory of its own."""
    optimizer.load_state_dict(
        {
            "state": {
                index: {name: tensor.clone() for name, tensor in tensors.items()}
                for index, tensors in state["state"].items()
            },
            "param_groups": state["param_groups"],
        }
    )


def _position(values: Mapping[str, Any]) -> Position:
    sizes = ((int(update), int(size)) for update, size in values.get("micro_batches", ()))
    return Position(**{**values, "losses": tuple(values["losses"]), "micro_batches": tuple(sizes)})


def _group(group: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if name == "betas" else v for name, v in group.items()}


def _below(prefix: str, tensors: Tensors) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
