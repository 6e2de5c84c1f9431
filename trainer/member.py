"""A kept model with all that its summaries depend on: settings, tokenizer, weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import BartForConditionalGeneration
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from config.errors import ConfigError
from config.load import load
from config.schema import Configuration
from trainer.checkpoint import SETTINGS_FILE
from trainer.data import Example
from trainer.device import Precision, check_kernels, pick_device, pick_precision
from trainer.device_errors import device_errors_named
from trainer.encode import Ragged, encoded
from trainer.errors import TrainerError
from trainer.generate import generation_settings, special_ids
from trainer.pretrained import quiet_transformers, read_model
from trainer.scores import best_model
from trainer.tokens import read_tokenizer


@dataclass(frozen=True, eq=False)
class Member:
    """A model on its device, set to search as its settings say; `name` is what it was called."""

    name: str
    config: Configuration
    tokenizer: PreTrainedTokenizerBase
    model: BartForConditionalGeneration

    @property
    def precision(self) -> Precision:
        """The precision that its settings give it here."""
        return pick_precision(self.config.training.precision, self.model.device)

    def rows(self, examples: Sequence[Example]) -> Ragged:
        """Return the dialogues as token ids, cleaned and cut as its settings say."""
        split = encoded(self.config, examples, tokenizer=self.tokenizer, cache_dir=None)
        return split.input_ids


def read_member(model_dir: Path, *, num_beams: int | None = None) -> Member:
    """Read a kept model, or the best one of the training whose folder it is.

    `num_beams` replaces that of its settings. Raises TrainerError where there is no such model or
    the device cannot take it.
    """
    quiet_transformers()
    folder = best_model(model_dir)
    config = _settings(folder)
    tokenizer = read_tokenizer(str(folder))
    device = pick_device()
    check_kernels(device)
    with device_errors_named():
        model = read_model(str(folder)).to(device)  # type: ignore[arg-type]  # as in model.py
    model.generation_config = generation_settings(
        special_ids(model), config.generation, num_beams=num_beams
    )
    return Member(str(model_dir), config, tokenizer, model)


def _settings(folder: Path) -> Configuration:
    path = folder / SETTINGS_FILE
    if not path.is_file():
        raise TrainerError(f"{folder} holds no {SETTINGS_FILE}; give a model that hpo has trained")
    try:
        return load(str(path))
    except ConfigError as error:
        raise TrainerError(f"{path} can't be used: {error}") from error
