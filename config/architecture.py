"""The BartConfig values that may differ from the checkpoint's, for small stand-ins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict  # Python 3.11's own is not one that pydantic can read

from config.section import STRICT, Count, Fraction, Natural, Positive

Layers = Annotated[Natural, Field(le=1000)]
Width = Annotated[Count, Field(le=1_000_000)]


class Architecture(TypedDict, total=False):
    """Overrides by BartConfig's names; a key that is absent keeps the checkpoint's value."""

    __pydantic_config__ = STRICT  # type: ignore[misc]  # pydantic's way to configure a TypedDict

    d_model: Annotated[Width, Field(description="width of the model")]
    encoder_layers: Annotated[Layers, Field(ge=1, description="encoder layers")]
    decoder_layers: Annotated[Layers, Field(ge=1, description="decoder layers")]
    encoder_attention_heads: Annotated[Width, Field(description="heads; divide d_model")]
    decoder_attention_heads: Annotated[Width, Field(description="heads; divide d_model")]
    encoder_ffn_dim: Annotated[Width, Field(description="width of the encoder's inner layers")]
    decoder_ffn_dim: Annotated[Width, Field(description="width of the decoder's inner layers")]
    max_position_embeddings: Annotated[Width, Field(description="longest text, in tokens")]
    dropout: Annotated[Fraction, Field(description="share of values dropped")]
    attention_dropout: Annotated[Fraction, Field(description="share of attention dropped")]
    activation_dropout: Annotated[Fraction, Field(description="share of activations dropped")]
    encoder_layerdrop: Annotated[Fraction, Field(description="share of encoder layers skipped")]
    decoder_layerdrop: Annotated[Fraction, Field(description="share of decoder layers skipped")]
    init_std: Annotated[Positive, Field(description="standard deviation of random weights")]
    activation_function: Literal["gelu", "gelu_new", "relu", "silu"]
    scale_embedding: bool


def misfit(architecture: Architecture, *, longest: int) -> str | None:
    """Say what makes the architecture impossible; None if nothing does.

    longest: the longest text, in tokens, that the model is asked to take or give.
    """
    width = architecture.get("d_model")
    heads = {
        "encoder_attention_heads": architecture.get("encoder_attention_heads"),
        "decoder_attention_heads": architecture.get("decoder_attention_heads"),
    }
    for name, count in heads.items():
        if width and count and width % count:
            return (
                f"model.architecture.{name}: {count} does not divide d_model {width}; "
                "choose a divisor"
            )
    positions = architecture.get("max_position_embeddings")
    if positions is not None and positions < longest:
        return (
            f"model.architecture.max_position_embeddings: {positions} is below the longest text, "
            f"{longest} tokens; raise it or lower model.max_encoder_length, "
            "model.max_decoder_length and generation.max_new_tokens"
        )
    return None
