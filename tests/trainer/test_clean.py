"""The guide's cleaning, step by step, and what it never touches."""

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.schema import Configuration
from config.sections import CleaningStep
from trainer.clean import STEPS, clean
from trainer.errors import TrainerError

GUIDE = Configuration().preprocessing.cleaning
TAGS = Configuration().preprocessing.special_tokens
NOISE = (
    "\\n",
    "<br>",
    "<BR />",
    "ㅋㅋ",
    "ㅎ",
    "ㅠㅜ",
    "ㄱ",
    "ㅏ",
    " ",
    "\n",
    "\t",
    "\u3000",
    "가",
    "a",
)


def guide_rules(text: str) -> str:
    """The guide's own four lines, on a text whose line breaks are real ones."""
    text = re.sub(r"ㅋ+", "웃음", text)
    text = re.sub(r"ㅎ+", "웃음", text)
    text = re.sub(r"ㅠ+|ㅜ+", "슬픔", text)
    return re.sub(r"\s+", " ", text).strip()


@pytest.mark.parametrize(
    ("step", "text", "cleaned"),
    [
        ("newlines", r"하나\n둘\r\n셋", "하나\n둘\n셋"),
        ("line_breaks", "하나<br>둘<br/>셋<BR />넷</br>", "하나\n둘\n셋\n넷\n"),
        ("laughter", "좋아ㅋㅋㅋ 그래 ㅎㅎ ㅋㅎ", "좋아웃음 그래 웃음 웃음웃음"),
        ("crying", "안돼ㅠㅠ 어떡해ㅜ ㅠㅜ", "안돼슬픔 어떡해슬픔 슬픔슬픔"),
        ("stray_jamo", "ㅇㅇ 알았어ㅡㅡ ㅊㅋ", " 알았어 "),
        ("whitespace", "  하나\n\t둘\u3000\xa0셋 ", "하나 둘 셋"),
    ],
)
def test_each_step_does_its_own_part_alone(step: str, text: str, cleaned: str) -> None:
    assert clean(text, [step]) == cleaned
    others = [name for name in STEPS if name != step]
    assert clean(text, others) != clean(text, STEPS)


def test_no_steps_leave_the_text_alone() -> None:
    text = " 하나\\n<br>ㅋㅋ\n"
    assert clean(text, []) == text


def test_default_steps_put_a_dialogue_on_one_line() -> None:
    text = "#Person1#: 안녕ㅋㅋ\\n#Person2#: 응 ㅠㅠ<br>#Person1#: 내\n번호는  #PhoneNumber# "
    assert clean(text, GUIDE) == (
        "#Person1#: 안녕웃음 #Person2#: 응 슬픔 #Person1#: 내 번호는 #PhoneNumber#"
    )


def test_order_of_the_names_changes_nothing() -> None:
    text = "하나\\n ㅋㄱ <br>둘"
    assert clean(text, list(STEPS)[::-1]) == clean(text, STEPS) == "하나 웃음 둘"


def test_laughter_goes_before_stray_letters() -> None:
    assert clean("ㅇㅋㅋ", ["stray_jamo", "laughter"]) == "웃음"


def test_step_that_does_not_exist_is_refused() -> None:
    with pytest.raises(TrainerError, match="no cleaning step 'laugh'; the steps are newlines, "):
        clean("x", ["whitespace", "laugh"])


def test_steps_are_the_ones_that_can_be_configured() -> None:
    assert tuple(STEPS) == get_args(CleaningStep)


@given(st.text(alphabet="ㅋㅎㅠㅜㄱ가 a\n\t#"))
def test_defaults_are_the_guides_rules(text: str) -> None:
    assert clean(text, GUIDE) == guide_rules(text)


@given(st.lists(st.sampled_from(TAGS + NOISE)))
def test_tags_are_never_touched(pieces: list[str]) -> None:
    tag = re.compile("|".join(TAGS))
    assert tag.findall(clean("".join(pieces), STEPS)) == [
        piece for piece in pieces if piece in TAGS
    ]


@given(st.lists(st.sampled_from(TAGS + NOISE)))
def test_cleaning_twice_is_cleaning_once(pieces: list[str]) -> None:
    once = clean("".join(pieces), GUIDE)
    assert clean(once, GUIDE) == once
