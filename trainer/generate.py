"""Summaries from a model: batches of similar length, beams as configured, the order kept.

What the model starts and ends with (decoder start, forced end, pad) is the checkpoint's own and is
never assumed: KoBART checkpoints differ in it. Everything else about the search is ours.
"""

from collections.abc import Callable, Sequence

import torch
from transformers import BartForConditionalGeneration, GenerationConfig

from config.schema import Generation
from trainer.attention import attention_of_any_shape, padding_mask
from trainer.averaged_decoder import AveragedDecoder, averaged_projection
from trainer.batches import Padding, by_length
from trainer.decoder import Decoder
from trainer.device import Precision
from trainer.errors import TrainerError
from trainer.micro_batch import FittingBatch, in_pieces
from trainer.projection import Product
from trainer.search import search
from trainer.search_rules import Rules

SPECIAL_IDS = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
)


def special_ids(model: BartForConditionalGeneration) -> dict[str, int | list[int]]:
    """Return the special ids of the model's generation config or, where that has none, its config.

    Raises TrainerError where no decoder start or no padding is named.
    """
    sources = (model.generation_config, model.config)
    ids: dict[str, int | list[int]] = {}
    for name in SPECIAL_IDS:
        found = (getattr(source, name, None) for source in sources)
        if (value := next((value for value in found if value is not None), None)) is not None:
            ids[name] = value
    for name in ("decoder_start_token_id", "pad_token_id"):
        if not isinstance(ids.get(name), int):
            raise TrainerError(f"the model's config.json names no {name}; add it there")
    return ids


def generation_settings(
    ids: dict[str, int | list[int]], wanted: Generation, *, num_beams: int | None = None
) -> GenerationConfig:
    """Return the configured search with a model's special ids; `num_beams` replaces its own."""
    beams = num_beams or wanted.num_beams
    return GenerationConfig(  # type: ignore[no-untyped-call]
        **ids,
        do_sample=False,
        num_beams=beams,
        # saving refuses settings of beams where there are none
        length_penalty=wanted.length_penalty if beams > 1 else 1.0,
        no_repeat_ngram_size=wanted.no_repeat_ngram_size,
        max_new_tokens=wanted.max_new_tokens,
        use_cache=True,
    )


def padding_of(model: BartForConditionalGeneration) -> Padding:
    """Return the padding that fits the model's special ids and positions."""
    settings = model.generation_config
    return Padding(
        pad=settings.pad_token_id,
        decoder_start=settings.decoder_start_token_id,
        positions=model.config.max_position_embeddings,
    )


def generate(
    model: BartForConditionalGeneration,
    rows: Sequence[Sequence[int]],
    *,
    batch: FittingBatch,
    precision: Precision,
    poll: Callable[[], None] = lambda: None,
) -> list[list[int]]:
    """Return the generated token ids for each row of input ids, in the rows' order.

    The search is the model's own generation config; a batch that does not fit into memory is cut.
    `poll` is called before each batch, and may raise to end it. Leaves the model in evaluation
    mode.
    """
    found = generate_several([model], [rows], batch=batch, precision=precision, poll=poll)
    return [best for best, *_ in found]


@torch.inference_mode()
def generate_several(
    models: Sequence[BartForConditionalGeneration],
    sources: Sequence[Sequence[Sequence[int]]],
    *,
    batch: FittingBatch,
    precision: Precision,
    poll: Callable[[], None] = lambda: None,
) -> list[list[list[int]]]:
    """Return for each text all that its search ended with, the best first: one to a beam.

    Several models search together, as averaged_decoder.py says, with the first one's generation
    config. sources: the input ids of each model, which may cut or clean a text in its own way.
    """
    for model in models:
        model.train(mode=False)
    first = models[0]
    rules = Rules.of(first.generation_config)
    projection = averaged_projection(models, precision)
    product = Product(projection, rows=batch.load.wanted * rules.beams)
    outputs: list[list[list[int]]] = [[] for _ in sources[0]]

    def run(indices: Sequence[int]) -> None:
        decoders = []
        for model, rows in zip(models, sources, strict=True):
            input_ids, mask = padding_of(model).sources([rows[index] for index in indices])
            mask = mask.to(model.device)
            encoder = model.model.encoder
            states = encoder(
                input_ids.to(model.device), attention_mask=padding_mask(mask)
            ).last_hidden_state
            decoders.append(Decoder(model, states, mask, beams=rules.beams))
        decoder = decoders[0] if len(decoders) == 1 else AveragedDecoder(decoders)
        summaries = search(decoder, product, rules, len(indices))
        for index, found in zip(indices, summaries, strict=True):
            outputs[index] = found

    lengths = [max(len(row) for row in rows) for rows in zip(*sources, strict=True)]
    with precision.autocast(first.device), attention_of_any_shape():
        for indices in by_length(lengths, batch=batch.load.wanted):
            poll()
            in_pieces(batch, indices, run)
    return outputs
