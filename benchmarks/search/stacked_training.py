"""Adam on many configurations of one network at once, as TaskSet's Adam8p has it.

Every configuration draws its own weights and batches. The learning rate decays linearly and
exponentially; l1 and l2 are parts of the loss. TaskSet trains for 10,000 steps: with fewer, the two
decays count for as much as there.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.search.small_data import Examples
from benchmarks.search.stacked import Network, Shape

EVALUATIONS = 51  # the first before any step
TASKSET_STEPS = 10_000
AT_ONCE = 50  # configurations, so that what a step touches stays in the cache


def curves(
    network: Network,
    examples: Examples,
    configurations: Sequence[Mapping[str, float]],
    *,
    batch: int,
    between: int,
) -> Tensor:
    """The validation losses, configurations x evaluations, `between` steps from one to the next."""
    parts = [
        _trained(network, examples, configurations[start : start + AT_ONCE], batch, between)
        for start in range(0, len(configurations), AT_ONCE)
    ]
    return torch.cat(parts)


def _trained(
    network: Network,
    examples: Examples,
    configurations: Sequence[Mapping[str, float]],
    batch: int,
    between: int,
) -> Tensor:
    count, steps = len(configurations), between * (EVALUATIONS - 1)
    adam = Adam(configurations, steps)
    weights = torch.cat([initial(shape, count) for shape in network.shapes.values()], 1)
    losses = [_validated(network, weights, examples)]
    for step in range(1, steps + 1):
        rows = torch.randint(len(examples.labels), (count, batch))
        scores = network.scores(
            _named(network, weights.requires_grad_(True)), examples.inputs[rows]
        )
        (slope,) = torch.autograd.grad(_loss(scores, examples.labels[rows]).sum(), weights)
        adam.step(weights.requires_grad_(False), slope)
        if step % between == 0:
            losses.append(_validated(network, weights, examples))
    return torch.stack(losses, 1)


class Adam:
    """Adam's state and the configurations' constants, each a column."""

    def __init__(self, configurations: Sequence[Mapping[str, float]], steps: int) -> None:
        self._of = {
            name: torch.tensor([[one[name]] for one in configurations])
            for name in configurations[0]
        }
        self._scale = TASKSET_STEPS / steps
        self._taken = 0
        self._first: Tensor | None = None
        self._second: Tensor | None = None

    def step(self, weights: Tensor, slope: Tensor) -> None:
        """Change the weights, configurations x numbers, in place."""
        of = self._of
        slope.add_(of["l1"] * weights.sign()).add_(2 * of["l2"] * weights)
        if self._first is None or self._second is None:
            self._first, self._second = torch.zeros_like(slope), torch.zeros_like(slope)
        self._first.lerp_(slope, of["one_minus_beta1"])
        self._second.lerp_(slope * slope, of["one_minus_beta2"])
        age = self._taken * self._scale
        self._taken += 1
        rate = of["learning_rate"] * (1 - of["linear_decay"] * age).clamp(min=0)
        rate = rate * torch.exp(-of["exponential_decay"] * age)
        fresh = [1 - (1 - of[f"one_minus_beta{n}"]) ** self._taken for n in (1, 2)]
        spread = (self._second / fresh[1]).sqrt_().add_(of["epsilon"])
        weights.sub_(self._first / spread * (rate / fresh[0]))


def initial(shape: Shape, count: int) -> Tensor:
    """Weights of so many configurations, flat; uniform within the root of 1 over the inputs."""
    if shape.fan_in is None:
        return torch.zeros(shape.sizes).flatten().repeat(count, 1)
    if shape.fan_in == 0:
        return torch.eye(*shape.sizes).flatten().repeat(count, 1)
    wide = shape.fan_in**-0.5
    return torch.empty(count, *shape.sizes).uniform_(-wide, wide).flatten(1)


def _named(network: Network, weights: Tensor) -> dict[str, Tensor]:
    sizes = [torch.Size(shape.sizes).numel() for shape in network.shapes.values()]
    parts = zip(network.shapes.items(), torch.split(weights, sizes, 1), strict=True)
    return {name: part.reshape(-1, *shape.sizes) for (name, shape), part in parts}


def _loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Each configuration's mean cross-entropy."""
    each = functional.cross_entropy(scores.flatten(0, 1), labels.flatten(), reduction="none")
    return each.view(labels.shape).mean(1)


@torch.no_grad()
def _validated(network: Network, weights: Tensor, examples: Examples) -> Tensor:
    inputs, labels = examples.validation_inputs, examples.validation_labels
    every = inputs.expand(len(weights), *inputs.shape)
    scores = network.scores(_named(network, weights), every)
    return _loss(scores, labels.expand(len(weights), -1))
