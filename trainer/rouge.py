"""ROUGE for Korean: rouge_score's formulas on tokens of our own.

rouge_score's own tokenizer drops every character outside ASCII: plain Korean scores 0, and two
unrelated summaries about the same speakers score 1. Here a speaker or data tag such as #Person1# is
one token among the others, like a name: who did it is part of what a summary says.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

from kiwipiepy import Kiwi, Match

from trainer.errors import TrainerError
from trainer.pairwise_rouge import MEASURES, Counted, f1

TAG = re.compile(r"#[A-Za-z]+[0-9]*#")
CHARACTER = re.compile(rf"{TAG.pattern}|\S")
KIWI_THREADS = 4  # more gain nothing on texts this short
# Kiwi's own hashtag pattern would take "#Person1#은" for the hashtag "#Person1" and "#은".
KIWI_PATTERNS = Match.ALL & ~Match.HASHTAG

Split = Callable[[Sequence[str]], list[list[str]]]


@dataclass(frozen=True)
class Scores:
    """F1 of ROUGE-1, -2 and -L (sentence-level LCS), and the mean of the three; all from 0 to 1."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 - the metric's established name
    rouge_combined_f1: float

    def value(self, name: str) -> float:
        """Return the score of that name (`metric.name` of the configuration)."""
        if name not in self.__dataclass_fields__:
            known = ", ".join(self.__dataclass_fields__)
            raise TrainerError(f"there is no metric {name!r}; the metrics are {known}")
        return float(getattr(self, name))


class RougeScorer:
    """Scores predictions with one tokenizer; keeps the counted references between calls.

    `tokenizer` is `morpheme` (Kiwi), `whitespace` or `character`. Not for several threads at once.
    """

    def __init__(self, tokenizer: str) -> None:
        self._texts = _Texts(_split_of(tokenizer))

    def score(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
        """Return the mean over all examples; see `score_each`."""
        each = self.score_each(predictions, references)
        if not each:
            raise TrainerError("there is nothing to score: no predictions were given")
        return _scores([fmean(score.value(name) for score in each) for name in MEASURES])

    def score_each(
        self, predictions: Sequence[str], references: Sequence[Sequence[str]]
    ) -> list[Scores]:
        """Return each prediction's F1s, every one averaged over that example's references.

        An empty prediction scores 0. Averaging over the references, rather than taking the best of
        them, is the competition's rule.
        """
        _check_pairs(predictions, references)
        self._texts.learn(
            references=(text for texts in references for text in texts), predictions=predictions
        )
        return [self._one(text, texts) for text, texts in zip(predictions, references, strict=True)]

    def _one(self, prediction: str, references: Sequence[str]) -> Scores:
        found, wanted = self._texts[prediction], [self._texts[text] for text in references]
        return _scores([fmean(f1(found, each, name) for each in wanted) for name in MEASURES])


def tokens_of(texts: Sequence[str], tokenizer: str) -> list[list[str]]:
    """Return each text's tokens, as they are scored with that tokenizer."""
    return _normalized(texts, _split_of(tokenizer))


class _Texts:
    """Counted texts, looked up: they were split beforehand, in one batch.

    Kiwi is several times faster on a batch, and the references stay the same between evaluations.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self._references: dict[str, Counted] = {}
        self._predictions: dict[str, Counted] = {}

    def learn(self, *, references: Iterable[str], predictions: Iterable[str]) -> None:
        """Count what is not known yet, and forget texts of the call before that are gone."""
        self._references = self._look_up(references, known=self._references)
        self._predictions = self._look_up(predictions, known=self._references)

    def __getitem__(self, text: str) -> Counted:
        return self._references[text] if text in self._references else self._predictions[text]

    def _look_up(self, texts: Iterable[str], *, known: dict[str, Counted]) -> dict[str, Counted]:
        wanted = dict.fromkeys(texts)
        new = [text for text in wanted if text not in known]
        counted = map(Counted.of, _normalized(new, self._split))
        known = {**known, **dict(zip(new, counted, strict=True))}
        return {text: known[text] for text in wanted}


def _scores(values: Sequence[float]) -> Scores:
    rouge1, rouge2, rouge_l = values
    return Scores(rouge1, rouge2, rouge_l, rouge_combined_f1=fmean(values))


def _check_pairs(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    if len(predictions) != len(references):
        raise TrainerError(
            f"{len(predictions)} predictions cannot be scored against {len(references)} examples"
        )
    for index, texts in enumerate(references):
        if not texts or isinstance(texts, str):
            raise TrainerError(f"example {index} needs a list of references, and has {texts!r}")


def _split_of(tokenizer: str) -> Split:
    if tokenizer not in SPLITS:
        known = ", ".join(SPLITS)
        raise TrainerError(f"there is no ROUGE tokenizer {tokenizer!r}; choose one of {known}")
    return SPLITS[tokenizer]


def _normalized(texts: Sequence[str], split: Split) -> list[list[str]]:
    return split([unicodedata.normalize("NFC", text) for text in texts])


def _morphemes(texts: Sequence[str]) -> list[list[str]]:
    analysed = _kiwi().tokenize(texts, match_options=KIWI_PATTERNS, pretokenized=_tag_spans)
    return [[token.form for token in tokens] for tokens in analysed]


def _words(texts: Sequence[str]) -> list[list[str]]:
    return [text.split() for text in texts]


def _characters(texts: Sequence[str]) -> list[list[str]]:
    return [CHARACTER.findall(text) for text in texts]


def _tag_spans(text: str) -> list[tuple[int, int, str]]:
    return [(*tag.span(), "NNP") for tag in TAG.finditer(text)]


@lru_cache(maxsize=1)
def _kiwi() -> Kiwi:
    return Kiwi(num_workers=min(KIWI_THREADS, os.cpu_count() or 1))


SPLITS: dict[str, Split] = {"morpheme": _morphemes, "whitespace": _words, "character": _characters}
