"""A BART ready to be trained: weights made once in a process, then copied for each training.

Reading or drawing weights takes seconds, copying them milliseconds; so one live model is kept, and
each training starts from the same numbers copied into it in place. On a CPU a thread copies them as
soon as a training has ended, beside the statements that tell it and take the next.
"""

import threading

import torch
from transformers import BartConfig, BartForConditionalGeneration
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from config.schema import Configuration
from trainer.block import Block
from trainer.errors import TrainerError, first_line
from trainer.generate import special_ids
from trainer.pretrained import (
    quiet_transformers,
    read_generation_config,
    read_model,
    read_model_config,
)


class InitialWeights:
    """The weights every training of one configuration starts from, and the model they go into."""

    def __init__(self, model: BartForConditionalGeneration) -> None:
        self.model = model
        self.ids = special_ids(model)
        tensors = self._tensors()
        self._live: Block | None = Block(tensors)
        for tensor, place in zip(tensors, self._live.tensors, strict=True):
            tensor.data = place
        self._start = Block(tensors)
        self._bytes = sum(tensor.nbytes for tensor in tensors)
        self._rested = False
        self._copying: threading.Thread | None = None

    def fresh(self, device: torch.device) -> BartForConditionalGeneration:
        """Return the kept model on `device`, with the initial weights and nothing of its past.

        There is one model: the one returned before is the same object.
        """
        if not self._rested:
            self.rest()
        self._rested = False
        self._await_copy()
        if not _is_on(self.model.device, device):  # or it looks at every tensor all the same
            self.model.to(device)  # type: ignore[arg-type]  # its wrapper hides `to`'s type
        if self._live is None:
            with torch.no_grad():
                for tensor, start in zip(self._tensors(), self._start.tensors, strict=True):
                    tensor.copy_(start)
        return self.model

    def rest(self) -> None:
        """Drop what a training left on the model: gradients, wrapped forward, checkpointing.

        Begins to bring its initial weights back, too: what is still wanted of it has been saved.
        """
        self.model.zero_grad(set_to_none=True)
        self.model.requires_grad_(True)
        self.model.train(mode=False)
        for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
            self.model.__dict__.pop(name, None)  # accelerate would take it for wrapped already
        set_activation_checkpointing(self.model, on=False)
        self._await_copy()
        if self._live is not None and not self._live.holds(self._tensors()):
            self._live = None  # on a GPU by now
        if self._live is not None:
            self._copying = threading.Thread(target=self._live.take, args=(self._start,))
            self._copying.start()
        self._rested = True

    def bytes_on(self, device: str) -> int:
        """Return how many bytes of them, model and initial weights, lie on a device type."""
        places = (self.model.device, self._start.tensors[0].device)
        return self._bytes * sum(place.type == device for place in places)

    def _await_copy(self) -> None:
        if self._copying is not None:
            self._copying.join()
            self._copying = None

    def _tensors(self) -> list[torch.Tensor]:
        return [*self.model.parameters(), *self.model.buffers()]


def _is_on(here: torch.device, wanted: torch.device) -> bool:
    return here.type == wanted.type and wanted.index in {None, here.index}


def load_model(
    config: Configuration, tokenizer: PreTrainedTokenizerBase
) -> BartForConditionalGeneration:
    """Read or draw the configured model, with a row for each of the tokenizer's tokens.

    Random weights, and the rows of added tokens, follow from `general.seed` alone.
    """
    quiet_transformers()
    settings = read_model_config(config.model.name)
    with torch.random.fork_rng(devices=[]):  # by default it begins to use every card there is
        torch.default_generator.manual_seed(config.general.seed)
        if config.model.init == "random":
            model = _random_model(config, settings, vocabulary=len(tokenizer))
        else:
            model = read_model(config.model.name)
            if len(tokenizer) > model.config.vocab_size:
                model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return model


def check_lengths(config: Configuration, model: BartConfig) -> None:
    """Raise TrainerError where a configured length exceeds the model's positions."""
    positions = model.max_position_embeddings
    lengths = {
        "model.max_encoder_length": config.model.max_encoder_length,
        "model.max_decoder_length": config.model.max_decoder_length,
        "generation.max_new_tokens": config.generation.max_new_tokens + 1,
    }
    for field, length in lengths.items():
        if length > positions:
            raise TrainerError(
                f"{field} asks for {length} positions but {config.model.name} has {positions}; "
                "lower it"
            )


def set_activation_checkpointing(model: BartForConditionalGeneration, *, on: bool) -> None:
    """Trade time for memory: keep the layers' inputs only and compute the rest again."""
    # transformers before 5.2x knows the older name only
    verb = "enable" if on else "disable"
    name = "activation" if hasattr(model, f"activation_checkpointing_{verb}") else "gradient"
    switch = getattr(model, f"{name}_checkpointing_{verb}")
    if on:
        switch({"use_reentrant": False})
    elif any(getattr(module, "gradient_checkpointing", False) for module in model.modules()):
        switch()
        # enabling put hooks there that disabling leaves
        model.disable_input_require_grads()  # type: ignore[no-untyped-call]


def _random_model(
    config: Configuration, settings: BartConfig, *, vocabulary: int
) -> BartForConditionalGeneration:
    overrides = dict(config.model.architecture or {})
    try:
        wanted = BartConfig.from_dict({**settings.to_dict(), **overrides, "vocab_size": vocabulary})
    except (TypeError, ValueError) as error:
        raise TrainerError(f"model.architecture: {first_line(error)}") from error
    for side, heads in (
        ("encoder", wanted.encoder_attention_heads),
        ("decoder", wanted.decoder_attention_heads),
    ):
        if not heads or not wanted.d_model or wanted.d_model % heads:
            raise TrainerError(
                f"model.architecture: {side}_attention_heads {heads} does not divide d_model "
                f"{wanted.d_model}; set {side}_attention_heads to one of its divisors"
            )
    model = BartForConditionalGeneration(wanted)
    generation = read_generation_config(config.model.name)
    if generation is not None:
        model.generation_config = generation
    return model
