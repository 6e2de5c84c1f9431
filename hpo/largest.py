"""The configuration of a search space that needs the most memory."""

from config.entries import CategoricalEntry, Entry
from config.schema import Configuration
from config.space import apply

GROWS_WITH = frozenset(
    {
        "training.per_device_train_batch_size",
        "training.per_device_eval_batch_size",
        "training.rdrop_alpha",  # above 0 each batch goes through the model twice
        "model.max_encoder_length",
        "model.max_decoder_length",
        "generation.num_beams",
        "generation.max_new_tokens",
    }
)
SAVES = "training.gradient_checkpointing"


def largest(config: Configuration) -> Configuration:
    """Set what memory grows with to its highest value in the search space."""
    space = config.optuna.search_space
    params = {field: _highest(entry) for field, entry in space.items() if field in GROWS_WITH}
    if SAVES in space and space[SAVES].contains(value=False):
        params[SAVES] = False
    return apply(config, params)


def _highest(entry: Entry) -> object:
    if isinstance(entry, CategoricalEntry):
        return max(choice for choice in entry.choices if isinstance(choice, int | float))
    return entry.high
