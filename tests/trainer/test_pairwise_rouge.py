"""F1 of texts against each other: rouge_score's, to the last digit."""

from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score import rouge_scorer
from rouge_score.tokenizers import Tokenizer

from trainer.pairwise_rouge import COMBINED, MEASURES, Counted, f1
from trainer.rouge import RougeScorer, tokens_of

WORDS = st.lists(st.sampled_from(["가", "나", "다", "라", "#Person1#"]), max_size=14).map(" ".join)
SUMMARIES = (
    "#Person1#은 도서관에 가서 책을 빌린다.",
    "#Person1#이 내일 도서관에 가서 책을 빌리기로 한다.",
    "#Person2#는 병원에 간다.",
    "",
)


class Spaces(Tokenizer):  # type: ignore[misc]  # rouge_score has no types
    def tokenize(self, text: str) -> list[str]:
        return text.split()


def counted(text: str, tokenizer: str) -> Counted:
    return Counted.of(tokens_of([text], tokenizer)[0])


@given(one=WORDS, other=WORDS)
@settings(deadline=None)
def test_every_score_is_rouge_scores(one: str, other: str) -> None:
    theirs = rouge_scorer.RougeScorer(list(MEASURES), tokenizer=Spaces()).score(one, other)
    expected = {name: theirs[name].fmeasure for name in MEASURES}
    expected[COMBINED] = fmean(expected.values())
    for name in (*MEASURES, COMBINED):
        value = f1(counted(one, "whitespace"), counted(other, "whitespace"), name)
        assert value == expected[name]
        assert value == f1(counted(other, "whitespace"), counted(one, "whitespace"), name)


@pytest.mark.parametrize("one", SUMMARIES)
def test_morphemes_are_scored_as_an_evaluation_scores_them(one: str) -> None:
    expected = RougeScorer("morpheme").score_each([one] * 4, [[text] for text in SUMMARIES])
    for text, scores in zip(SUMMARIES, expected, strict=True):
        value = f1(counted(one, "morpheme"), counted(text, "morpheme"), COMBINED)
        assert value == scores.rouge_combined_f1
