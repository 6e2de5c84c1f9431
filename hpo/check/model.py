"""Whether the model is there, with its tokenizer, and takes the configured lengths."""

from pathlib import Path

import torch
from transformers import BartConfig, BartForConditionalGeneration

from config.sample import locate
from config.schema import Configuration
from hpo.check.finding import Finding
from hpo.check.subject import Subject
from hpo.largest import largest
from trainer.errors import TrainerError
from trainer.model import check_lengths
from trainer.pretrained import PICKLED, SAFETENSORS

NAME = "model"


def look_at_model(subject: Subject) -> Finding:
    """Read its settings and tokenizer, not its weights; raises TrainerError."""
    config, settings = subject.config, subject.model.get()
    tokens = len(subject.tokenizer.get())
    check_lengths(largest(config), settings)
    millions = parameters_of(settings, tokens) / 1e6
    text = f"{config.model.name}: BART of {millions:.1f} M parameters, {tokens} tokens"
    if config.model.init == "random":
        return Finding(NAME, "ok", f"{text}, trained from random weights")
    folder = locate(config.model.name)
    if not folder.is_dir():
        return Finding(NAME, "ok", f"{text}, from the Hugging Face hub")
    _check_weights(folder, config)
    return Finding(NAME, "ok", text)


def parameters_of(settings: BartConfig, tokens: int) -> int:
    """How many parameters the model has, tied ones once; takes no memory."""
    rows = max(tokens, settings.vocab_size)
    with torch.device("meta"):
        model = BartForConditionalGeneration(
            BartConfig.from_dict({**settings.to_dict(), "vocab_size": rows})
        )
    return sum(parameter.numel() for parameter in model.parameters())


def _check_weights(folder: Path, config: Configuration) -> None:
    if not any((folder / file).is_file() for file in (*SAFETENSORS, *PICKLED)):
        raise TrainerError(
            f"{config.model.name} has no weights, neither {SAFETENSORS[0]} nor {PICKLED[0]};"
            " copy them there, or train from random ones with model.init random"
        )
