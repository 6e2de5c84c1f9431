"""A dialogue's sentences: what may be rewritten, and what two texts share."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.sentences import Sentences, overlap

DIALOGUE = (
    "#Person1#: 오늘 병원에 가요?\\n#Person2#: 네, #Person1#씨도요.\n#Person1#: 번호는 "
    "#PhoneNumber#예요. #Person2#: 좋아요! <br>#Person1#:  10시 "
)


def test_what_is_said_without_a_tag_may_be_rewritten() -> None:
    found = Sentences.of(DIALOGUE)
    assert found.rewritable == ["오늘 병원에 가요?", "좋아요!", "10시"]
    assert found.rewritten(
        {"오늘 병원에 가요?": "병원에 오늘 가십니까?", "좋아요!": "좋습니다."}
    ) == (
        "#Person1#: 병원에 오늘 가십니까?\\n#Person2#: 네, #Person1#씨도요.\n#Person1#: 번호는 "
        "#PhoneNumber#예요. #Person2#: 좋습니다. <br>#Person1#:  10시 "
    )


def test_what_holds_another_special_token_stays() -> None:
    assert Sentences.of("#Person1#: [장소]에서 봐요", ["[장소]"]).rewritable == []


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_a_text_put_together_again_is_the_text(text: str) -> None:
    assert Sentences.of(text).rewritten({}) == text


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("오늘 가요", "오늘 가요", 1.0),
        ("오늘 가요", "오늘가요", 1.0),
        ("오늘 가요", "내일 와요", 0.0),
        ("가나다", "가나라", 0.5),
        ("가", "가", 1.0),
        ("가", "나", 0.0),
        ("", "", 1.0),
        ("가나", "", 0.0),
    ],
)
def test_overlap_is_the_share_of_common_pairs_of_letters(
    one: str, other: str, shared: float
) -> None:
    assert overlap(one, other) == pytest.approx(shared)
    assert overlap(other, one) == pytest.approx(shared)
