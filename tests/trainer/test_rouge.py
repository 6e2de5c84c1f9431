"""Known answers of ROUGE on Korean, and that its formulas stay rouge_score's."""

from collections.abc import Sequence
from dataclasses import astuple
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer
from rouge_score.tokenizers import Tokenizer

from config.schema import Configuration
from trainer.errors import TrainerError
from trainer.rouge import SPLITS, RougeScorer, Scores

TAGS = Configuration().preprocessing.special_tokens
NAMES = ("morpheme", "whitespace", "character")
DOG = "#Person1#은 개를 키운다."
PLANE = "#Person1#이 비행기를 놓쳤다."
SUMMARIES = (
    "#Person1#과 #Person2#는 토요일에 도서관에 가기로 한다.",
    "#Person2#는 #Person1#에게 계좌를 여는 방법을 설명합니다. 번호는 #PhoneNumber#입니다.",
)
everywhere = pytest.mark.parametrize("name", NAMES)


class Spaces(Tokenizer):  # type: ignore[misc]  # rouge_score has no types
    def tokenize(self, text: str) -> list[str]:
        return text.split()


def tokens(name: str, text: str) -> list[str]:
    return SPLITS[name]([text])[0]


def score(name: str, prediction: str, *references: str) -> Scores:
    return RougeScorer(name).score([prediction], [references])


@everywhere
def test_identical_texts_score_1(name: str) -> None:
    scores = RougeScorer(name).score(SUMMARIES, [[text] for text in SUMMARIES])
    assert astuple(scores) == (1.0, 1.0, 1.0, 1.0)


def test_unrelated_summaries_of_the_same_speaker_do_not_score_1() -> None:
    default = rouge_scorer.RougeScorer(["rouge1"]).score(DOG, PLANE)["rouge1"].fmeasure
    assert default == 1.0  # what this module is there to prevent
    assert tokens("morpheme", DOG) == ["#Person1#", "은", "개", "를", "키우", "ᆫ다", "."]
    assert tokens("morpheme", PLANE) == ["#Person1#", "이", "비행기", "를", "놓치", "었", "다", "."]
    # Alike: the speaker, 를 and the full stop, of 7 and 8.
    assert astuple(score("morpheme", PLANE, DOG)) == pytest.approx((0.4, 0.0, 0.4, 0.8 / 3))


@pytest.mark.parametrize(("name", "alike"), [("whitespace", 0.0), ("character", 8 / 18)])
def test_unrelated_summaries_by_other_units(name: str, alike: float) -> None:
    assert score(name, PLANE, DOG).rouge1 == pytest.approx(alike)


def test_plain_korean_without_tags_scores() -> None:
    default = rouge_scorer.RougeScorer(["rouge1"]).score("개를 키운다", "개를 키운다")
    assert default["rouge1"].fmeasure == 0.0  # what this module is there to prevent
    assert score("morpheme", "개를 키운다", "개를 키운다").rouge1 == 1.0


def test_scores_of_words_are_those_worked_out_by_hand() -> None:
    # 3 of 3 and 3 of 4 words; 2 of 2 and 2 of 3 pairs; the longest common row is 3 words.
    found = score("whitespace", "나는 밥을 먹었다", "나는 밥을 먹었다 어제")
    assert found.rouge1 == found.rougeL == pytest.approx(6 / 7)
    assert found.rouge2 == pytest.approx(4 / 5)
    assert found.rouge_combined_f1 == pytest.approx((6 / 7 + 4 / 5 + 6 / 7) / 3)


def test_order_counts_for_rouge_l_alone() -> None:
    found = score("whitespace", "둘 하나 셋", "하나 둘 셋")
    assert (found.rouge1, found.rouge2) == (1.0, 0.0)
    assert found.rougeL == pytest.approx(2 / 3)


def test_repeated_word_counts_as_often_as_the_reference_has_it() -> None:
    assert score("whitespace", "개 개 개", "개 소").rouge1 == pytest.approx(2 / 5)


def test_rouge_l_takes_the_text_as_one_sentence() -> None:
    assert score("whitespace", "하나 둘\n셋 넷", "셋 넷 하나 둘").rougeL == 0.5


def test_several_references_are_averaged_and_not_the_best_taken() -> None:
    found = score("whitespace", "하나 둘", "하나 둘", "하나 셋", "넷 다섯")
    assert found.rouge1 == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found.rouge2 == pytest.approx(1 / 3)


def test_corpus_score_is_the_mean_over_examples_whatever_their_references() -> None:
    scorer = RougeScorer("whitespace")
    each = scorer.score_each(["하나", "둘"], [["하나", "둘"], ["둘"]])
    assert [one.rouge1 for one in each] == [0.5, 1.0]
    assert scorer.score(["하나", "둘"], [["하나", "둘"], ["둘"]]).rouge1 == 0.75


@everywhere
@pytest.mark.parametrize("nothing", ["", "  \n\t", "\u3000"])
def test_empty_prediction_scores_0(name: str, nothing: str) -> None:
    assert astuple(score(name, nothing, SUMMARIES[0])) == (0.0, 0.0, 0.0, 0.0)
    assert astuple(score(name, nothing, nothing)) == (0.0, 0.0, 0.0, 0.0)
    found = RougeScorer(name).score(["", SUMMARIES[1]], [[SUMMARIES[0]], [SUMMARIES[1]]])
    assert found.rouge1 == 0.5


@pytest.mark.parametrize("name", ["morpheme", "character"])
@pytest.mark.parametrize("tag", TAGS)
def test_tag_is_one_token_wherever_it_stands(name: str, tag: str) -> None:
    assert tokens(name, tag) == [tag]
    assert tokens(name, f"{tag}는 {tag}{tag}의 ({tag})").count(tag) == 4
    assert tokens(name, f"가{tag}, #{tag}").count(tag) == 2


def test_characters_leave_out_spaces() -> None:
    assert tokens("character", " 개 #SSN#\n.") == ["개", "#SSN#", "."]


def test_texts_composed_otherwise_are_the_same_text() -> None:
    decomposed = "\u1100\u1162\u1105\u1173\u11af \u110f\u1175\u110b\u116e\u11ab\u1103\u1161"
    assert decomposed != "개를 키운다"
    for name in NAMES:
        assert score(name, decomposed, "개를 키운다").rouge1 == 1.0


@everywhere
def test_scorer_forgets_nothing_that_it_needs_between_calls(name: str) -> None:
    scorer = RougeScorer(name)
    calls: list[tuple[Sequence[str], Sequence[Sequence[str]]]] = [
        (["개를 키운다"], [["개가 있다"]]),
        (["개가 있다"], [["개를 키운다"]]),
        (["", "개를 키운다"], [["개가 있다", "소가 있다"], ["개를 키운다"]]),
    ]
    for predictions, references in [*calls, *calls]:
        fresh = RougeScorer(name).score(predictions, references)
        assert scorer.score(predictions, references) == fresh


def test_references_are_split_once_and_texts_that_are_gone_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split: list[str] = []

    def words(texts: Sequence[str]) -> list[list[str]]:
        split.extend(texts)
        return [text.split() for text in texts]

    monkeypatch.setitem(SPLITS, "whitespace", words)
    scorer = RougeScorer("whitespace")
    scorer.score(["p1", "p1"], [["r1"], ["r2"]])
    scorer.score(["p2", "r1"], [["r1"], ["r2"]])
    scorer.score(["p1", "p2"], [["r1"], ["r3"]])
    scorer.score(["p1", "p2"], [["r1"], ["r2"]])
    assert [text for text in split if text.startswith("r")] == ["r1", "r2", "r3", "r2"]


words = st.lists(st.sampled_from(["하나", "둘", "셋", "넷", "#Person1#"])).map(" ".join)


@given(pairs=st.lists(st.tuples(words, st.lists(words, min_size=1, max_size=3)), min_size=1))
def test_formulas_are_rouge_scores_own(pairs: list[tuple[str, list[str]]]) -> None:
    theirs = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Spaces())
    ours = RougeScorer("whitespace").score_each(
        [prediction for prediction, _ in pairs], [references for _, references in pairs]
    )
    for (prediction, references), found in zip(pairs, ours, strict=True):
        for metric in ("rouge1", "rouge2", "rougeL"):
            f1s = [theirs.score(text, prediction)[metric].fmeasure for text in references]
            assert found.value(metric) == fmean(f1s)
        assert 0 <= found.rouge_combined_f1 <= 1


def test_scores_are_found_by_the_metrics_name() -> None:
    scores = Scores(rouge1=0.1, rouge2=0.2, rougeL=0.3, rouge_combined_f1=0.4)
    values = [scores.value(name) for name in ("rouge1", "rouge2", "rougeL", "rouge_combined_f1")]
    assert values == [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(TrainerError, match="there is no metric 'rougeLsum'; the metrics are rou"):
        scores.value("rougeLsum")


def test_what_cannot_be_scored_is_refused() -> None:
    scorer = RougeScorer("whitespace")
    with pytest.raises(TrainerError, match="1 predictions cannot be scored against 2 examples"):
        scorer.score(["가"], [["가"], ["나"]])
    with pytest.raises(TrainerError, match="example 1 needs a list of references, and has"):
        scorer.score(["가", "나"], [["가"], []])
    with pytest.raises(TrainerError, match="example 0 needs a list of references, and has '가'"):
        scorer.score(["가"], ["가"])
    with pytest.raises(TrainerError, match="nothing to score"):
        scorer.score([], [])
    with pytest.raises(TrainerError, match="no ROUGE tokenizer 'mecab'; choose one of morpheme, "):
        RougeScorer("mecab")
