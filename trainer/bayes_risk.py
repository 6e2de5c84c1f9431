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
    texts = list(dict.fromkeys(text for each in candidates for text in each))
    counted = dict(zip(texts, map(Counted.of, tokens_of(texts, tokenizer)), strict=True))
    return [_choice(each, counted, metric) for each in candidates]


def _choice(texts: Sequence[str], counted: dict[str, Counted], metric: str) -> str:
    times = Counter(texts)  # keeps the order of first mention
    if len(times) == 1:
        return texts[0]

    def expected(text: str) -> float:
        # fsum: no order of the others makes a tie look like none.
        return fsum(
            (count - (other == text)) * f1(counted[text], counted[other], metric)
            for other, count in times.items()
        )

    return max(times, key=expected)
