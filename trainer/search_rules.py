"""What a search follows: transformers' rules (5.23), in their order and with their arithmetic."""

from dataclasses import dataclass

import torch
from transformers import GenerationConfig


@dataclass(frozen=True)
class Bans:
    """Tokens of each row, and what is added to their scores, -inf or 0; each (rows, some)."""

    tokens: torch.Tensor
    scores: torch.Tensor


@dataclass(frozen=True)
class Rules:
    """What a search follows, from a generation config: `max_length` counts the start token."""

    start: int
    ends: tuple[int, ...]
    forced_first: int | None
    forced_last: tuple[int, ...]
    beams: int
    ngram: int
    length_penalty: float
    max_length: int

    @classmethod
    def of(cls, settings: GenerationConfig) -> "Rules":
        """Return the rules of a generation config that `generation_settings` made."""
        return cls(
            start=settings.decoder_start_token_id,
            ends=_ids(settings.eos_token_id),
            forced_first=settings.forced_bos_token_id,
            forced_last=_ids(settings.forced_eos_token_id),
            beams=settings.num_beams or 1,
            ngram=settings.no_repeat_ngram_size or 0,
            length_penalty=settings.length_penalty or 0.0,
            max_length=1 + (settings.max_new_tokens or 0),
        )

    def apply(self, scores: torch.Tensor, sequences: torch.Tensor) -> None:
        """Change the scores of the next tokens in place; (rows, vocabulary) and (rows, length)."""
        if bans := self.bans(sequences):
            scores.scatter_add_(1, bans.tokens, bans.scores)
        if forced := self.force(sequences.shape[1]):
            scores.fill_(float("-inf"))
            scores[:, list(forced)] = 0.0

    def bans(self, sequences: torch.Tensor) -> Bans | None:
        """Return what would repeat an n-gram; None where nothing can yet."""
        length = sequences.shape[1]
        if not 0 < self.ngram <= length:
            return None
        windows = sequences.unfold(1, self.ngram, 1)
        prefix = sequences[:, length + 1 - self.ngram :]
        repeats = (windows[..., :-1] == prefix[:, None]).all(dim=-1)
        banned = torch.zeros(repeats.shape, device=repeats.device)
        return Bans(windows[..., -1], banned.masked_fill_(repeats, float("-inf")))

    def force(self, length: int) -> tuple[int, ...]:
        """Return the tokens of which one has to come behind so many; none: any may."""
        if length == self.max_length - 1 and self.forced_last:
            return self.forced_last
        if length == 1 and self.forced_first is not None:
            return (self.forced_first,)
        return ()


def _ids(value: int | list[int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)
