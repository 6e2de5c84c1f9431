"""What a warm process keeps between trainings, so that the next one starts at once.

Texts, tokenizer, encoded texts, initial weights and scorer, each made on first use and kept for
the part of the configuration that determines it. One training at a time: all share one model.
"""

import gc
from collections.abc import Callable, Hashable
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Generic, TypeVar

from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from config.schema import Configuration
from trainer.augment import Poll, check_checkpoints, is_on, is_rewritten, rewritten, with_noise
from trainer.data import DataFiles, Example, fingerprint, read_examples
from trainer.encode import EncodedSplit, encoded, joined
from trainer.model import InitialWeights, load_model
from trainer.rouge import RougeScorer
from trainer.tokens import load_tokenizer

ENCODINGS_KEPT = 4
PASSED_OVER_FROM = 1_000  # objects

T = TypeVar("T")


def _nothing() -> None:
    """Do nothing when polled."""


class Kept(Generic[T]):
    """The last few values that were made, by key; the oldest goes first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._values: dict[Hashable, T] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of `key`, made now if it is not kept."""
        if key in self._values:
            self._values[key] = self._values.pop(key)  # now the youngest
            return self._values[key]
        while len(self._values) >= self.limit:
            self._values.pop(next(iter(self._values)))  # before making: two may not fit in memory
        value = self._values[key] = make()
        return value

    def values(self) -> list[T]:
        """Return the values that are kept now."""
        return list(self._values.values())


class TrainingSession:
    """Everything that trainings on the same data share in one process."""

    def __init__(self, data: DataFiles, cache_dir: Path) -> None:
        self.data = data
        self.cache_dir = cache_dir
        self._tokenizers: Kept[PreTrainedTokenizerBase] = Kept(1)
        self._train_split: Kept[EncodedSplit] = Kept(ENCODINGS_KEPT)
        self._augmented: Kept[EncodedSplit] = Kept(1)
        self._dev_split: Kept[EncodedSplit] = Kept(ENCODINGS_KEPT)
        self._weights: Kept[InitialWeights] = Kept(1)
        self._scorers: Kept[RougeScorer] = Kept(1)
        self._made_weights = False

    @cached_property
    def train(self) -> list[Example]:
        """The training examples."""
        return read_examples(self.data.train, need_summary=True)

    @cached_property
    def dev(self) -> list[Example]:
        """The examples that models are scored on."""
        return read_examples(self.data.dev, need_summary=True)

    @cached_property
    def data_fingerprint(self) -> str:
        """The fingerprint of the files that trainings here read."""
        return fingerprint(self.data)

    def prepare(self, config: Configuration) -> None:
        """Make all that the first training needs; raises what would fail every training."""
        check_checkpoints(config)
        self.train_split(config)
        self.dev_split(config)
        self.weights(config)

    def tokenizer(self, config: Configuration) -> PreTrainedTokenizerBase:
        """Return the tokenizer, special tokens added."""
        return self._tokenizers.get(_tokens_key(config), lambda: load_tokenizer(config))

    def train_split(self, config: Configuration, poll: Poll = _nothing) -> EncodedSplit:
        """Return the encoded training examples, and what augmentation adds to them.

        `poll` is called between batches of sentences that are rewritten, and may raise.
        """
        plain = self._train_split.get(_texts_key(config), lambda: self._encoded(config, self.train))
        if not is_on(config):
            return plain
        section = config.augmentation.model_dump_json()
        return self._augmented.get(
            (_texts_key(config), section, config.general.seed),
            lambda: joined([plain, *self._further(config, self.train, poll)]),
        )

    def all_split(self, config: Configuration) -> EncodedSplit:
        """Return the encoded training and dev examples, to train on all of them."""
        examples = [*self.train, *self.dev]
        plain = self._encoded(config, examples)
        return joined([plain, *self._further(config, examples, _nothing)])

    def training_data(self, config: Configuration) -> str:
        """Return the fingerprint of what a training is trained and scored on.

        It is that of the files; where a checkpoint rewrites some of them, of its words as well:
        machines might differ in them, and a training must not go on with other ones.
        """
        if not is_rewritten(config):
            return self.data_fingerprint
        return sha256(
            (self.data_fingerprint + self.train_split(config).digest()).encode()
        ).hexdigest()

    def dev_split(self, config: Configuration) -> EncodedSplit:
        """Return the encoded dev examples."""
        return self._dev_split.get(_texts_key(config), lambda: self._encoded(config, self.dev))

    def weights(self, config: Configuration) -> InitialWeights:
        """Return the initial weights."""
        start = config.model.model_dump_json(include={"init", "architecture"})
        key = (_tokens_key(config), start, config.general.seed)
        return self._weights.get(key, lambda: self._initial_weights(config))

    def held_bytes(self, device: str) -> int:
        """Return how many bytes of weights are kept in the memory of a device type: cpu or cuda."""
        return sum(weights.bytes_on(device) for weights in self._weights.values())

    def scorer(self, config: Configuration) -> RougeScorer:
        """Return the scorer, with the tokens of the references it has seen."""
        name = config.metric.tokenizer
        return self._scorers.get(name, lambda: RougeScorer(name))

    def clear_away(self) -> None:
        """Collect what a training left, and have the collector pass over what stays if it is much.

        Looking through all of it is 0.25 s (measured) each time that a Trainer begins or ends; but
        what is passed over stays for good, if it becomes garbage later: of an ended trial W&B's run
        would. Of a thousand objects the look takes a millisecond, and a trial adds few that stay.
        """
        gc.collect()  # a Trainer is full of cycles
        if len(gc.get_objects()) > PASSED_OVER_FROM:  # those passed over are not among them
            gc.freeze()

    def _initial_weights(self, config: Configuration) -> InitialWeights:
        if self._made_weights:  # the model kept before may hang in a cycle
            gc.unfreeze()
            gc.collect()
        self._made_weights = True
        weights = InitialWeights(load_model(config, self.tokenizer(config)))
        gc.freeze()
        return weights

    def _further(
        self, config: Configuration, examples: list[Example], poll: Poll
    ) -> list[EncodedSplit]:
        """Return what augmentation adds; noise is not kept on disk, it is as quickly made."""
        tokenizer = self.tokenizer(config)
        noise = with_noise(config, examples)
        others = rewritten(config, examples, cache_dir=self.cache_dir, poll=poll)
        return [
            encoded(config, copies, tokenizer=tokenizer, cache_dir=folder)
            for copies, folder in ((noise, None), (others, self.cache_dir))
            if copies
        ]

    def _encoded(self, config: Configuration, examples: list[Example]) -> EncodedSplit:
        tokenizer = self.tokenizer(config)
        return encoded(config, examples, tokenizer=tokenizer, cache_dir=self.cache_dir)


def _tokens_key(config: Configuration) -> Hashable:
    return (config.model.name, config.preprocessing.special_tokens)


def _texts_key(config: Configuration) -> Hashable:
    lengths = (config.model.max_encoder_length, config.model.max_decoder_length)
    return (_tokens_key(config), config.preprocessing.model_dump_json(), lengths)
