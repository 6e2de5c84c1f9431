"""BART's decoder, one token further at a time, for all beams of a batch of texts.

It runs the model's own layers, and differs from transformers' in what it keeps: a text's keys and
values for cross-attention once, not once a beam, so that its beams read them together and none are
moved when beams are; and texts that are done can be left out.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch.nn import functional
from transformers import BartForConditionalGeneration
from transformers.models.bart.modeling_bart import BartAttention, BartDecoderLayer

from trainer.loss import Projection

ROOM = 16  # tokens by which the room for past ones grows


@dataclass
class _Past:
    """A layer's keys and values, each (rows, heads, room, width of a head)."""

    keys: torch.Tensor
    values: torch.Tensor

    def add(self, key: torch.Tensor, value: torch.Tensor, at: int) -> None:
        """Take those of the token at a position; each (rows, heads, 1, width of a head)."""
        if at == self.keys.shape[2]:
            self.keys, self.values = (
                functional.pad(tensor, (0, 0, 0, ROOM)) for tensor in (self.keys, self.values)
            )
        self.keys[:, :, at : at + 1] = key
        self.values[:, :, at : at + 1] = value

    def keep(self, rows: torch.Tensor) -> None:
        """Let these rows, in this order, be all there are."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class Decoder:
    """The decoder of a batch of texts, each with the same number of beams, before the first token.

    states: (texts, length, width) from the encoder. mask: (texts, length), 0 for padding. A row is
    one beam of one text; those of a text follow each other.
    """

    def __init__(
        self,
        model: BartForConditionalGeneration,
        states: torch.Tensor,
        mask: torch.Tensor,
        *,
        beams: int,
    ) -> None:
        self.projection = Projection.of(model)
        self._body = model.model.decoder
        self._layers = [cast("BartDecoderLayer", layer) for layer in self._body.layers]
        self._beams = beams
        self._heads = cast("int", model.config.decoder_attention_heads)
        self._at = 0
        self._mask = mask.bool()[:, None, None, :]
        self.device = states.device
        self._past: list[_Past] = []
        self._seen = [
            _Past(
                self._apart(layer.encoder_attn.k_proj(states)),
                self._apart(layer.encoder_attn.v_proj(states)),
            )
            for layer in self._layers
        ]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take each row's next token, (rows,), and return the last states, (rows, width)."""
        place = torch.tensor([self._at], device=tokens.device)
        hidden: torch.Tensor = (
            self._body.embed_tokens(tokens)
            + self._body.embed_positions(tokens, position_ids=place)[0]
        )
        hidden = self._body.layernorm_embedding(hidden)
        for number, layer in enumerate(self._layers):
            hidden = layer.self_attn_layer_norm(hidden + self._own(number, layer.self_attn, hidden))
            hidden = layer.encoder_attn_layer_norm(
                hidden + self._cross(number, layer.encoder_attn, hidden)
            )
            inner = layer.fc2(layer.activation_fn(layer.fc1(hidden)))
            hidden = layer.final_layer_norm(hidden + inner)
        self._at += 1
        return hidden

    def keep_rows(self, rows: torch.Tensor) -> None:
        """Let these rows, in this order, be all there are; texts that are gone go by themselves."""
        for past in self._past:
            past.keep(rows)

    def keep_texts(self, texts: torch.Tensor) -> None:
        """Let these texts, in this order, be all there are; call `keep_rows` for the same."""
        self._mask = self._mask[texts]
        for seen in self._seen:
            seen.keep(texts)

    def _own(self, number: int, attention: BartAttention, hidden: torch.Tensor) -> torch.Tensor:
        """Attend to the tokens so far; hidden: (rows, width)."""
        query, key, value = (
            self._apart(project(hidden)[:, None])
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        if number == len(self._past):
            rows, heads, _, width = key.shape
            room = key.new_zeros(rows, heads, ROOM, width)
            self._past.append(_Past(room, room.clone()))
        past = self._past[number]
        past.add(key, value, self._at)
        until = self._at + 1
        found = functional.scaled_dot_product_attention(
            query, past.keys[:, :, :until], past.values[:, :, :until]
        )
        out: torch.Tensor = attention.out_proj(found.flatten(1))
        return out

    def _cross(self, number: int, attention: BartAttention, hidden: torch.Tensor) -> torch.Tensor:
        """Attend to the text, all its beams at once; hidden: (rows, width)."""
        query = self._apart(attention.q_proj(hidden).view(-1, self._beams, hidden.shape[1]))
        seen = self._seen[number]
        found = functional.scaled_dot_product_attention(
            query, seen.keys, seen.values, attn_mask=self._mask
        )
        out: torch.Tensor = attention.out_proj(found.transpose(1, 2).flatten(0, 1).flatten(1))
        return out

    def _apart(self, tensor: torch.Tensor) -> torch.Tensor:
        """Part into heads: (a, b, width) to (a, heads, b, width of a head)."""
        return tensor.view(*tensor.shape[:2], self._heads, -1).transpose(1, 2)
