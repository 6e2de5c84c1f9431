"""A BART read from a folder or from the hub: its settings and its weights, and never any code.

Weights are taken from safetensors where there are any. The older pytorch_model.bin is a pickle, and
many a KoBART checkpoint has nothing else: it is read by torch's weights-only reader, which knows
tensors and refuses everything that could run. Of a model on the hub only the one kind is fetched
(495 MB for KoBART). A checkpoint that leaves a layer without weights is refused: transformers would
draw them at random.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import BartConfig, BartForConditionalGeneration, GenerationConfig
from transformers.utils import logging as transformers_logging

from trainer.errors import TrainerError, first_line
from trainer.hub import model_folder

GENERATION_FILE = "generation_config.json"
SETTINGS_FILES = ("config.json", GENERATION_FILE)
SAFETENSORS = ("model.safetensors", "model.safetensors.index.json")
SAFETENSORS_SHARDS = "model-*.safetensors"
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
PICKLED_SHARDS = "pytorch_model-*.bin"
# Zeros in every checkpoint; those saved without the language model's head leave it out.
OPTIONAL_WEIGHTS = frozenset({"final_logits_bias"})
NOT_ONLY_TENSORS = (
    "is damaged, or holds more than tensors, which could run code; load it where it was made, and "
    "save it with save_pretrained: that writes model.safetensors"
)
SHOWN = 3


def read_model_config(name: str) -> BartConfig:
    """Return the configuration of a model folder or hub id; TrainerError where it is no BART."""
    folder = model_folder(name, files=SETTINGS_FILES)
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise TrainerError(f"model.name {name!r} has no config.json; give a model") from error
    except (OSError, ValueError) as error:
        raise _unreadable(name, f"config.json is not JSON: {first_line(error)}") from error
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind != "bart":
        raise TrainerError(f"model.name {name!r} is a {kind!r} model; give a BART")
    try:
        return BartConfig.from_dict(values)
    except (TypeError, ValueError, StrictDataclassError) as error:
        raise _unreadable(name, f"config.json: {' '.join(str(error).split())}") from error


def read_generation_config(name: str) -> GenerationConfig | None:
    """Return the generation config of a model folder or hub id; None where it has none."""
    folder = model_folder(name, files=SETTINGS_FILES)
    if not (folder / GENERATION_FILE).is_file():
        return None
    try:
        return GenerationConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise _unreadable(name, first_line(error)) from error


def read_model(name: str) -> BartForConditionalGeneration:
    """Return the model of a folder or hub id in fp32; TrainerError where it can't be read."""
    folder, safe = _with_weights(name)
    try:
        loaded = BartForConditionalGeneration.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=safe,
            weights_only=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
            output_loading_info=True,
        )
    except UnpicklingError as error:
        raise _unreadable(name, f"{PICKLED[0]} {NOT_ONLY_TENSORS}") from error
    except (OSError, EOFError, ValueError, RuntimeError, SafetensorError) as error:
        raise _unreadable(name, first_line(error)) from error
    model, found = cast("tuple[BartForConditionalGeneration, Mapping[str, Any]]", loaded)
    _refuse("no weights for", sorted(set(found["missing_keys"]) - OPTIONAL_WEIGHTS), name)
    mismatched = sorted(key for key, *_ in found["mismatched_keys"])
    _refuse("weights of another size for", mismatched, name)
    return model


def quiet_transformers() -> None:
    """Keep transformers' notices and progress bars off the terminal."""
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _with_weights(name: str) -> tuple[Path, bool]:
    """Return the folder with the weights, and whether they are safetensors."""
    for kind, shards in ((SAFETENSORS, SAFETENSORS_SHARDS), (PICKLED, PICKLED_SHARDS)):
        folder = model_folder(name, files=(*SETTINGS_FILES, *kind, shards))
        if any((folder / file).is_file() for file in kind):
            return folder, kind is SAFETENSORS
    raise TrainerError(
        f"model.name {name!r} has no weights, neither {SAFETENSORS[0]} nor {PICKLED[0]}; "
        "copy them there, or train from random ones with model.init random"
    )


def _refuse(what: str, parameters: Sequence[str], name: str) -> None:
    """Raise TrainerError where there are such parameters."""
    if parameters:
        more = ", ..." if len(parameters) > SHOWN else ""
        raise TrainerError(
            f"model.name {name!r} has {what} {len(parameters)} of its parameters "
            f"({', '.join(parameters[:SHOWN])}{more}); give a whole BART checkpoint"
        )


def _unreadable(name: str, reason: str) -> TrainerError:
    return TrainerError(f"model.name {name!r} can't be read: {reason}")
