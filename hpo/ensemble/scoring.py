"""What members score together on each dev dialogue, by averaged logits or least Bayes risk."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from config.schema import Configuration
from hpo.ensemble.forward import Scores
from trainer.bayes_risk import BayesRisk
from trainer.data import Example
from trainer.ensemble import averaged, candidates_of
from trainer.member import read_member
from trainer.rouge import RougeScorer


class _References:
    """The metric of each dev dialogue; a summary that was scored before is not scored again."""

    def __init__(self, config: Configuration, examples: Sequence[Example]) -> None:
        self._metric = config.metric.name
        self._examples = examples
        self._scorer = RougeScorer(config.metric.tokenizer)
        self._known: dict[tuple[int, str], float] = {}

    def score(self, summaries: Sequence[str]) -> Scores:
        """Return the score of each example's summary."""
        new = [pair for pair in enumerate(summaries) if pair not in self._known]
        scores = self._scorer.score_each(
            [text for _, text in new], [self._examples[number].summaries for number, _ in new]
        )
        self._known |= {
            pair: each.value(self._metric) for pair, each in zip(new, scores, strict=True)
        }
        return np.array([self._known[pair] for pair in enumerate(summaries)])


class LogitScoring:
    """Scores members by a search of their own together; all models are in memory."""

    def __init__(
        self, models: Sequence[Path], config: Configuration, examples: Sequence[Example]
    ) -> None:
        self._members = [read_member(model) for model in models]
        self._examples = examples
        self._references = _References(config, examples)

    def __call__(self, members: tuple[int, ...]) -> Scores:
        """Score these members, by number."""
        chosen = [self._members[number] for number in members]
        return self._references.score(averaged(chosen, self._examples))


class RiskScoring:
    """Scores members by choosing among their candidates, which are made once, a model at a time."""

    def __init__(
        self,
        models: Sequence[Path],
        config: Configuration,
        examples: Sequence[Example],
        *,
        candidates: int,
    ) -> None:
        self._candidates = [
            candidates_of(read_member(model), examples, count=candidates) for model in models
        ]
        self._risk = BayesRisk(config.metric.name, config.metric.tokenizer)
        self._references = _References(config, examples)

    def __call__(self, members: tuple[int, ...]) -> Scores:
        """Score these members, by number."""
        each = zip(*(self._candidates[number] for number in members), strict=True)
        pooled = [[text for texts in found for text in texts] for found in each]
        return self._references.score(self._risk.choose(pooled))
