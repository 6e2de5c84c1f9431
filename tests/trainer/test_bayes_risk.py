"""Minimum Bayes risk: the summary that is most like the others, the first of equals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.bayes_risk import least_risky
from trainer.errors import TrainerError
from trainer.rouge import RougeScorer

TEXTS = st.lists(st.sampled_from("가나다라마"), max_size=6).map(" ".join)


def choose(*candidates: str) -> str:
    return least_risky([candidates], metric="rouge1", tokenizer="whitespace")[0]


def by_definition(candidates: list[str]) -> list[str]:
    """All whose mean score against the others is the highest, up to rounding."""
    scorer, risks = RougeScorer("whitespace"), []
    for place, text in enumerate(candidates):
        others = candidates[:place] + candidates[place + 1 :]
        each = scorer.score_each([text] * len(others), [[other] for other in others])
        risks.append(sum(scores.rouge1 for scores in each))
    return [t for t, risk in zip(candidates, risks, strict=True) if risk >= max(risks) - 1e-12]


def test_the_one_most_like_the_others_is_taken() -> None:
    assert choose("가 나 다", "가 나 라", "마 바 사") == "가 나 다"
    assert choose("마 바 사", "가 나 다", "가 나 라", "가 라 다") == "가 나 다"


def test_of_two_the_first_is_taken_and_of_one_that() -> None:
    assert choose("가 나", "나 다 라") == "가 나"
    assert choose("나 다 라", "가 나") == "나 다 라"
    assert choose("가") == "가"


def test_what_several_models_say_alike_counts_once_for_each() -> None:
    assert choose("다 라", "다 마", "가 나", "가 나") == "가 나"
    assert choose("다 라", "다 마", "가 나") == "다 라"


def test_empty_summaries_lose_to_any_that_share_a_word() -> None:
    assert choose("", "", "", "가 나", "가 다") == "가 나"
    assert choose("", "") == ""


@given(candidates=st.lists(TEXTS, min_size=2, max_size=7))
@settings(deadline=None)
def test_choice_is_that_of_the_definition(candidates: list[str]) -> None:
    assert choose(*candidates) in by_definition(candidates)


def test_each_dialogue_is_chosen_for_by_itself() -> None:
    pools = [["가", "나", "나"], ["다 라", "다"]]
    assert least_risky(pools, metric="rougeL", tokenizer="whitespace") == ["나", "다 라"]


def test_unknown_tokenizer_is_refused() -> None:
    with pytest.raises(TrainerError, match="no ROUGE tokenizer 'bytes'"):
        least_risky([["가", "나"]], metric="rouge1", tokenizer="bytes")
