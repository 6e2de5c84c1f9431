"""Greedy and beam search as transformers does them, a text at a time out of the batch when it ends.

The rules, their order and their arithmetic are transformers' own (5.23), and a test holds the
results against its `generate`. What differs is what is not done: no full matrix of scores is copied
for each rule, the best tokens are chosen within each beam first, and a text whose search has ended
takes no further part.
"""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch.nn import functional

from trainer.best_tokens import best_tokens
from trainer.projection import Product
from trainer.search_rules import Rules

NEVER = -1.0e9  # transformers' score of what is out of play


class Stepping(Protocol):
    """What a search asks of a decoder, or of several that decide together."""

    device: torch.device

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        """Take each row's next token, (rows,), and return the last states, (rows, width)."""

    def follow(self, beams: torch.Tensor) -> None:
        """Let each beam, (texts, beams), go on from that one of its text."""

    def keep_texts(self, texts: torch.Tensor) -> None:
        """Let these texts, in this order, be all there are."""


def search(decoder: Stepping, product: Product, rules: Rules, texts: int) -> list[list[list[int]]]:
    """Return each text's findings, the best first: token ids, the start token before them.

    A beam search finds as many as it has beams, a greedy one finds one.
    """
    found = _BeamSearch if rules.beams > 1 else _GreedySearch
    return found(decoder, product, rules, texts).run()


class _BeamSearch:
    """Texts (texts, beams, …) still searched; what is done is kept beside them."""

    def __init__(self, decoder: Stepping, product: Product, rules: Rules, texts: int) -> None:
        self.decoder, self.product, self.rules = decoder, product, rules
        device = decoder.device
        self.found: list[list[list[int]]] = [[] for _ in range(texts)]
        beams = rules.beams
        self.candidates = max(2, 1 + len(rules.ends)) * beams
        self.texts = torch.arange(texts, device=device)
        self.running = torch.full((texts, beams, 1), rules.start, device=device)
        self.scores = torch.zeros(texts, beams, device=device)
        self.scores[:, 1:] = NEVER  # else all beams would be the same
        self.done = torch.full((texts, beams, rules.max_length), rules.start, device=device)
        self.done_length = torch.zeros(texts, beams, dtype=torch.long, device=device)
        self.done_scores = torch.full((texts, beams), NEVER, device=device)
        self.open = torch.ones(texts, 1, dtype=torch.bool, device=device)

    def run(self) -> list[list[list[int]]]:
        """Search until every text's search has ended."""
        for length in range(1, self.rules.max_length):
            scores, beams, tokens = self._best()
            rows = self._extended(beams, tokens)
            stops = self._stops(tokens, length)
            self._finish(scores, rows, stops, length)
            running = torch.topk(scores + stops * NEVER, self.rules.beams)
            self.scores = running.values
            self.running = _gather(rows, running.indices)
            self._look(length)
            live = self.open.flatten().tolist()
            if length + 1 == self.rules.max_length or not any(live):
                break
            self._reorder(beams.gather(1, running.indices), live)
        self._close(range(len(self.texts)))
        return self.found

    def _best(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the best continuations of each text: scores, beams they go on from, tokens."""
        hidden = self.decoder.step(self.running[:, :, -1].flatten())
        values, indices = best_tokens(
            hidden,
            self.product,
            self.rules,
            self.running.flatten(0, 1),
            count=self.candidates,
        )
        each = values.shape[1]
        totals = values.view(*self.scores.shape, each) + self.scores[:, :, None]
        top = totals.flatten(1).topk(self.candidates)
        tokens = indices.view(len(self.texts), -1).gather(1, top.indices)
        return top.values, top.indices // each, tokens

    def _extended(self, beams: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return torch.cat([_gather(self.running, beams), tokens[:, :, None]], dim=2)

    def _stops(self, tokens: torch.Tensor, length: int) -> torch.Tensor:
        if length + 1 == self.rules.max_length:
            return torch.ones_like(tokens, dtype=torch.bool)
        stops = torch.zeros_like(tokens, dtype=torch.bool)
        for end in self.rules.ends:
            stops |= tokens == end
        return stops

    def _finish(
        self, scores: torch.Tensor, rows: torch.Tensor, stops: torch.Tensor, length: int
    ) -> None:
        """Keep what ends here, where it is better than what ended before."""
        ended = stops.clone()
        ended[:, self.rules.beams :] = False  # those are there to go on in their place
        if not ended.any():
            return
        final = scores / length**self.rules.length_penalty
        final = final + ~self.open * NEVER + ~ended * NEVER
        merged = torch.cat([self.done_scores, final], dim=1)
        kept = merged.topk(self.rules.beams).indices
        self.done_scores = merged.gather(1, kept)
        wide = functional.pad(rows, (0, self.rules.max_length - rows.shape[2]))
        self.done = _gather(torch.cat([self.done, wide], dim=1), kept)
        lengths = torch.where(ended, rows.shape[2], 0)
        self.done_length = torch.cat([self.done_length, lengths], dim=1).gather(1, kept)

    def _look(self, length: int) -> None:
        """Close the texts whose running beams cannot beat what has ended."""
        reachable = self.scores[:, :1] / length**self.rules.length_penalty
        worst = self.done_scores.min(dim=1, keepdim=True).values
        beaten = torch.where(self.done_length > 0, worst, NEVER)
        self.open = self.open & (reachable > beaten).any(dim=1, keepdim=True)

    def _reorder(self, beams: torch.Tensor, live: list[bool]) -> None:
        """Let the decoder follow the beams, and leave the closed texts out."""
        if not all(live):
            self._close(number for number, is_live in enumerate(live) if not is_live)
            kept = torch.tensor(
                [number for number, is_live in enumerate(live) if is_live], device=beams.device
            )
            for name in (
                "texts",
                "running",
                "scores",
                "done",
                "done_length",
                "done_scores",
                "open",
            ):
                setattr(self, name, getattr(self, name)[kept])
            beams = beams[kept]
            self.decoder.keep_texts(kept)
        self.decoder.follow(beams)

    def _close(self, places: Iterable[int]) -> None:
        """Take what has ended of these texts as what was found; it lies there best first."""
        taken = torch.tensor(list(places), device=self.texts.device)
        ids, lengths, texts = (
            tensor[taken].tolist() for tensor in (self.done, self.done_length, self.texts)
        )
        for text, rows, ends in zip(texts, ids, lengths, strict=True):
            self.found[text] = [row[:end] for row, end in zip(rows, ends, strict=True) if end]


class _GreedySearch:
    """The likeliest token each time, (rows,) of texts that have not ended."""

    def __init__(self, decoder: Stepping, product: Product, rules: Rules, texts: int) -> None:
        self.decoder, self.product, self.rules = decoder, product, rules
        device = decoder.device
        self.found: list[list[list[int]]] = [[] for _ in range(texts)]
        self.texts = list(range(texts))
        self.running = torch.full((texts, 1), rules.start, device=device)

    def run(self) -> list[list[list[int]]]:
        """Search until every text has ended."""
        for _ in range(1, self.rules.max_length):
            hidden = self.decoder.step(self.running[:, -1])
            _, best = best_tokens(hidden, self.product, self.rules, self.running, count=1)
            tokens = best[:, 0]
            self.running = torch.cat([self.running, tokens[:, None]], dim=1)
            self._leave_out([token in self.rules.ends for token in tokens.tolist()])
            if not self.texts:
                break
        self._take(range(len(self.texts)))
        return self.found

    def _leave_out(self, ended: list[bool]) -> None:
        if not any(ended):
            return
        self._take(number for number, has_ended in enumerate(ended) if has_ended)
        left = [number for number, has_ended in enumerate(ended) if not has_ended]
        self.texts = [self.texts[number] for number in left]
        kept = torch.tensor(left, dtype=torch.long, device=self.running.device)
        self.running = self.running[kept]
        self.decoder.keep_texts(kept)

    def _take(self, places: Iterable[int]) -> None:
        rows = self.running.tolist()
        for place in places:
            self.found[self.texts[place]] = [rows[place]]


def _gather(rows: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Return those of (texts, some, length) at (texts, others)."""
    return rows.gather(1, places[:, :, None].expand(-1, -1, rows.shape[2]))
