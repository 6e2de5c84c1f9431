"""Which configuration of a search space needs the most memory."""

from collections.abc import Callable

from config.schema import Configuration
from hpo.largest import largest

Configured = Callable[..., Configuration]


def test_what_memory_grows_with_is_at_its_highest(configured: Configured) -> None:
    space = {
        "training.per_device_train_batch_size": {"choices": [8, 32, 16]},
        "generation.num_beams": {"low": 1, "high": 6},
        "training.rdrop_alpha": {"choices": [0.0, 1.0]},
        "training.gradient_checkpointing": {"choices": [True, False]},
        "training.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    }
    found = largest(configured(space))
    assert found.training.per_device_train_batch_size == 32
    assert found.generation.num_beams == 6
    assert found.training.rdrop_alpha == 1.0
    assert found.training.gradient_checkpointing is False
    assert found.training.learning_rate == configured(space).training.learning_rate


def test_what_is_not_searched_stays(configured: Configured) -> None:
    config = configured({"training.weight_decay": {"choices": [0.0, 0.1]}})
    assert largest(config) == config
