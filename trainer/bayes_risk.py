"""Of several summaries of a dialogue the one that is most like the others: minimum Bayes risk.

Each candidate stands for what the reference may be. The expected score of one is its mean ROUGE
against all others, a summary that came twice counting twice; the highest is taken (Kumar and Byrne
2004). Of equals the first is: with two candidates that is always the first, as F1 has no side, so
three are the fewest that can outvote one.
"""

from collections import Counter
from collections.abc import Sequence
from math import fsum

from trainer.pairwise_rouge import Counted, f1
from trainer.rouge import tokens_of


def least_risky(candidates: Sequence[Sequence[str]], *, metric: str, tokenizer: str) -> list[str]:
    """Return each dialogue's choice among its candidates, of which it needs at least one.

    `metric` and `tokenizer` are those of the configuration's metric section.
    """
    return BayesRisk(metric, tokenizer).choose(candidates)


class BayesRisk:
    """Chooses repeatedly among the same summaries: each is split once, each pair scored once."""

    def __init__(self, metric: str, tokenizer: str) -> None:
        self._metric = metric
        self._tokenizer = tokenizer
        self._counted: dict[str, Counted] = {}
        self._scores: dict[tuple[str, str], float] = {}

    def choose(self, candidates: Sequence[Sequence[str]]) -> list[str]:
        """Return each dialogue's choice; see `least_risky`."""
        texts = dict.fromkeys(text for each in candidates for text in each)
        new = [text for text in texts if text not in self._counted]
        for text, tokens in zip(new, tokens_of(new, self._tokenizer), strict=True):
            self._counted[text] = Counted.of(tokens)
        return [self._choice(each) for each in candidates]

    def _choice(self, texts: Sequence[str]) -> str:
        times = Counter(texts)  # keeps the order of first mention

        def expected(text: str) -> float:
            # fsum: no order of the others makes a tie look like none.
            return fsum(
                (count - (other == text)) * self._score(text, other)
                for other, count in times.items()
            )

        return max(times, key=expected)

    def _score(self, one: str, other: str) -> float:
        pair = (one, other) if one <= other else (other, one)
        if pair not in self._scores:
            self._scores[pair] = f1(self._counted[one], self._counted[other], self._metric)
        return self._scores[pair]
