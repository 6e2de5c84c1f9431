"""Any seq2seq checkpoint of a folder or the hub, used to write a sentence anew.

It is loaded when the first sentence needs it, never runs a checkpoint's code, and always searches
in fp32 without sampling, so that machines differ in rounding alone. Weights are taken from
safetensors where there are any, else by torch's weights-only reader, as `pretrained.py` does.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedTokenizerFast
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES as MODELS,
)
from transformers.models.auto.tokenization_auto import TOKENIZER_MAPPING_NAMES as TOKENIZERS

from trainer.device import pick_device
from trainer.errors import TrainerError, first_line
from trainer.hub import model_folder
from trainer.micro_batch import FittingBatch, in_pieces
from trainer.pretrained import (
    PICKLED,
    PICKLED_SHARDS,
    SAFETENSORS,
    SAFETENSORS_SHARDS,
    quiet_transformers,
)
from trainer.rng import rng_untouched

SETTINGS = ("*.json", "*.model", "*.spm", "*.txt")
LONGEST = 200  # tokens of a sentence; what is longer stays as it is
MORE_TOKENS = 32  # that the longest sentence of a batch may grow by


@dataclass(frozen=True)
class Writer:
    """A checkpoint and how it is asked; `field` is where the configuration names it."""

    field: str
    name: str
    prefix: str = ""
    source: str | None = None  # language codes of a multilingual checkpoint
    target: str | None = None
    num_beams: int = 1

    def folder(self) -> Path:
        """Return the folder with its files; ModelNotFound, or TrainerError where it has none."""
        for kind, shards in ((SAFETENSORS, SAFETENSORS_SHARDS), (PICKLED, PICKLED_SHARDS)):
            folder = model_folder(self.name, files=(*SETTINGS, *kind, shards), field=self.field)
            if any((folder / file).is_file() for file in kind):
                return folder
        raise TrainerError(
            f"{self.field} {self.name!r} has no weights, neither {SAFETENSORS[0]} nor "
            f"{PICKLED[0]}; copy them there"
        )

    def identity(self) -> list[object]:
        """Return what its sentences follow from: contents of its files, and settings."""
        digest = sha256()
        for path in sorted(self.folder().iterdir()):
            if path.suffix in {".json", ".model", ".spm", ".txt", ".safetensors", ".bin"}:
                with path.open("rb") as file:
                    digest.update(path.name.encode() + file_digest(file, "sha256").digest())
        return [digest.hexdigest(), self.prefix, self.source, self.target, self.num_beams]


class Rewriter:
    """A writer's checkpoint in memory."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        folder = writer.folder()
        safe = any((folder / file).is_file() for file in SAFETENSORS)
        quiet_transformers()
        with rng_untouched():
            try:
                self._tokenizer = _tokenizer(folder)
                # not by an Auto class: that may ask people whether to run a checkpoint's code
                self._model: Any = getattr(transformers, MODELS[_kind(folder)]).from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=safe, weights_only=True
                )
            except Exception as error:  # each kind of checkpoint has its own
                raise TrainerError(
                    f"{writer.field} {writer.name!r} can't be read: {first_line(error)}; "
                    "give a seq2seq checkpoint, with its tokenizer beside it"
                ) from error
        self._model.to(pick_device()).eval()
        source = writer.source
        self._begin = None if source is None else self._language(source)
        self._options = self._search()
        positions = getattr(self._model.config, "max_position_embeddings", None) or 4 * LONGEST
        self._longest = min(LONGEST, positions - MORE_TOKENS - 1)

    @torch.inference_mode()
    def write(
        self, sentences: Sequence[str], *, batch_size: int, poll: Callable[[], None]
    ) -> list[str]:
        """Return a sentence for each; empty where the model writes none, or it is too long.

        `poll` is called before each batch, and may raise to end it.
        """
        rows = [self._ids(sentence) for sentence in sentences]
        found = [""] * len(rows)

        def run(places: Sequence[int]) -> None:
            poll()
            texts = self._written([rows[place] for place in places])
            for place, text in zip(places, texts, strict=True):
                found[place] = " ".join(text.split())

        fitting = [
            place
            for place, sentence in enumerate(sentences)
            if sentence.strip() and len(rows[place]) <= self._longest
        ]
        fitting.sort(key=lambda place: (-len(rows[place]), place))
        in_pieces(FittingBatch.of(batch_size), fitting, run)
        return found

    def _ids(self, sentence: str) -> list[int]:
        """Return its tokens as its tokenizer gives them, the end behind them in any case.

        A multilingual checkpoint is told the language by the first token.
        """
        text, end = self.writer.prefix + sentence, self._tokenizer.eos_token_id
        ids: list[int] = self._tokenizer(text, add_special_tokens=self._begin is None)["input_ids"]
        if self._begin is not None:
            ids = [self._begin, *ids]
        return ids if end is None or end in ids[-2:] else [*ids, end]

    def _written(self, rows: Sequence[list[int]]) -> list[str]:
        batch = self._tokenizer.pad({"input_ids": list(rows)}, return_tensors="pt")
        inputs = {
            name: batch[name].to(self._model.device) for name in ("input_ids", "attention_mask")
        }
        ids = self._model.generate(
            **inputs, max_new_tokens=inputs["input_ids"].shape[1] + MORE_TOKENS, **self._options
        )
        texts: list[str] = self._tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)
        return texts

    def _search(self) -> dict[str, Any]:
        options: dict[str, Any] = {"num_beams": self.writer.num_beams, "do_sample": False}
        if self.writer.target is not None:
            options["forced_bos_token_id"] = self._language(self.writer.target)
        return options

    def _language(self, code: str) -> int:
        number = self._tokenizer.convert_tokens_to_ids(code)
        if not isinstance(number, int) or number == self._tokenizer.unk_token_id:
            raise TrainerError(
                f"{self.writer.field} {self.writer.name!r} has no language {code!r}; "
                "write the code as its tokenizer does"
            )
        return number


def _kind(folder: Path) -> str:
    """Return the kind of model; ValueError where it is none that writes text for a text."""
    kind = str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])
    if kind not in MODELS:
        raise ValueError(f"it is a {kind!r} model")
    return kind


def _tokenizer(folder: Path) -> Any:
    """Return its tokenizer: as tokenizer.json has it, or of its kind's own class."""
    if (folder / "tokenizer.json").is_file():
        return PreTrainedTokenizerFast.from_pretrained(folder)
    name = TOKENIZERS.get(_kind(folder))
    if name is None:
        raise ValueError("it has no tokenizer.json, and its own kind needs another package")
    return getattr(transformers, name).from_pretrained(folder)
