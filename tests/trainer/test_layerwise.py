"""Layer-wise learning-rate decay, on the optimizer that a training really has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from config.schema import Configuration
from trainer.data import DataFiles
from trainer.evaluation import Evaluation, Step
from trainer.fit import fit
from trainer.loop import Loop
from trainer.session import TrainingSession

MakeConfig = Callable[..., Configuration]
LAYERS = {"encoder_layers": 3, "decoder_layers": 2}
RATE = 1e-2


class Seen:
    """The optimizer of a training, and the rates and weights it had."""

    def __init__(self) -> None:
        self.optimizer: torch.optim.Optimizer
        self.names: dict[int, str] = {}
        self.rates: list[list[float]] = []
        self.told: list[float] = []
        self.final: dict[str, torch.Tensor] = {}

    def rate_of(self, name: str) -> float:
        """The first rate of a parameter, which stands in exactly one group."""
        (rate,) = [
            group["initial_lr"]
            for group in self.optimizer.param_groups
            for parameter in group["params"]
            if self.names[id(parameter)] == name
        ]
        return rate


@pytest.fixture
def trained(
    tiny_config: MakeConfig,
    data_files: DataFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Seen]:
    real = Loop.create_optimizer

    def train(**training: object) -> Seen:
        seen = Seen()

        def create(self: Loop, model: Any = None) -> torch.optim.Optimizer:
            seen.optimizer = real(self, model)
            seen.names = {id(p): n for n, p in self.model.named_parameters()}
            return seen.optimizer

        def on_step(_: Step) -> None:
            groups = seen.optimizer.param_groups
            seen.rates.append([group["lr"] for group in groups])
            for parameter in (p for group in groups for p in group["params"]):
                seen.final[seen.names[id(parameter)]] = parameter.detach().clone()

        def on_evaluation(evaluation: Evaluation) -> bool:
            seen.told.append(evaluation.learning_rate)
            return True

        monkeypatch.setattr(Loop, "create_optimizer", create)
        config = tiny_config(
            model={"architecture": LAYERS},
            training={"learning_rate": RATE, "weight_decay": 0.1, **training},
        )
        session = TrainingSession(data_files, tmp_path / "cache")
        fit(config, on_evaluation, session=session, output_dir=tmp_path / "out", on_step=on_step)
        return seen

    return train


def test_rates_fall_from_layer_to_layer_and_are_lowest_in_the_embeddings(
    trained: Callable[..., Seen],
) -> None:
    seen = trained(layerwise_lr_decay=0.5)
    rates = {
        "model.encoder.layers.2.fc1.weight": RATE,
        "model.encoder.layers.1.fc1.weight": RATE / 2,
        "model.encoder.layers.0.self_attn.k_proj.bias": RATE / 4,
        "model.decoder.layers.1.encoder_attn.q_proj.weight": RATE,
        "model.decoder.layers.0.final_layer_norm.weight": RATE / 2,
        "model.shared.weight": RATE / 8,
        "model.encoder.embed_positions.weight": RATE / 8,
        "model.decoder.embed_positions.weight": RATE / 8,
        "model.decoder.layernorm_embedding.bias": RATE / 8,
    }
    assert {name: seen.rate_of(name) for name in rates} == pytest.approx(rates)


def test_every_parameter_is_in_one_group_and_weight_decay_is_as_before(
    trained: Callable[..., Seen],
) -> None:
    plain, decayed = trained(), trained(layerwise_lr_decay=0.9)

    def weight_decays(seen: Seen) -> dict[str, float]:
        return {
            seen.names[id(parameter)]: group["weight_decay"]
            for group in seen.optimizer.param_groups
            for parameter in group["params"]
        }

    assert weight_decays(decayed) == weight_decays(plain)
    assert len(plain.optimizer.param_groups) == 2
    counted = [p for group in decayed.optimizer.param_groups for p in group["params"]]
    assert len(counted) == len({id(p) for p in counted}) == len(decayed.names)


def test_the_schedule_moves_all_groups_alike_and_the_top_rate_is_told(
    trained: Callable[..., Seen],
) -> None:
    plain, decayed = trained(), trained(layerwise_lr_decay=0.5)
    starts = [group["initial_lr"] for group in decayed.optimizer.param_groups]
    for rates, (top, *_) in zip(decayed.rates, plain.rates, strict=True):
        assert rates == pytest.approx([top * start / RATE for start in starts])
    assert decayed.told == plain.told


def test_a_rate_of_next_to_nothing_leaves_the_embeddings_as_they_were(
    trained: Callable[..., Seen],
) -> None:
    one, other = (
        trained(layerwise_lr_decay=1e-6, weight_decay=0.0, num_train_epochs=epochs)
        for epochs in (1, 2)
    )
    name = "model.encoder.embed_positions.weight"
    torch.testing.assert_close(one.final[name], other.final[name], rtol=0, atol=1e-8)
    top = "model.decoder.layers.1.fc1.weight"
    assert (one.final[top] - other.final[top]).abs().max() > RATE / 10
