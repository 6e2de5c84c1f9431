"""Noise on words: tags stay, turns stay filled, shares are kept, and a seed gives one text."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.sections import MASKED, PEOPLE
from trainer.noise import BETWEEN, BREAK, KINDS, MARKS, TAG, noisy

WORD = st.text("가나다라마바사아자차카abc12ㅋ", min_size=1, max_size=5)
MASK = st.builds("{}{}".format, st.sampled_from(MASKED), st.sampled_from(("", "로", "예요.")))
TURN = st.builds(
    "{}{}{}".format,
    st.sampled_from(PEOPLE),
    st.sampled_from((": ", ":")),
    st.lists(WORD | MASK | st.sampled_from(PEOPLE), min_size=1, max_size=8).map(" ".join),
)
DIALOGUE = st.lists(TURN, min_size=1, max_size=6).flatmap(
    lambda turns: st.sampled_from(("\n", "\\n", "<br>", " ", "\r\n")).map(lambda by: by.join(turns))
)
KIND = st.sampled_from(tuple(KINDS))
SHARE = st.floats(0, 0.99)
LONG = "\n".join(
    f"#Person{turn % 2 + 1}#: " + " ".join(f"말{turn}.{word}" for word in range(20))
    for turn in range(20)
)


def spoken(text: str) -> list[str]:
    """The words that hold no tag, in order."""
    return [word for word in BETWEEN.split(text)[::2] if word and not TAG.search(word)]


def turns(text: str) -> list[str]:
    return [turn for turn in BREAK.split(text) if turn]


@given(text=DIALOGUE, kind=KIND, share=SHARE, seed=st.text(max_size=3))
@settings(max_examples=150, deadline=None)
def test_tags_and_turns_stay_and_nothing_is_empty(
    text: str, kind: str, share: float, seed: str
) -> None:
    found = noisy(text, kind, share, seed=seed)
    assert TAG.findall(found) == TAG.findall(text)
    assert len(turns(found)) == len(turns(text))
    assert all(turn.strip() for turn in turns(found))
    assert [w for w in BETWEEN.split(found)[::2] if TAG.search(w)] == [
        w for w in BETWEEN.split(text)[::2] if TAG.search(w)
    ]
    assert found == noisy(text, kind, share, seed=seed)


@given(text=st.text(max_size=60), kind=KIND, share=SHARE)
@settings(max_examples=150, deadline=None)
def test_any_text_is_taken_and_none_becomes_empty(text: str, kind: str, share: float) -> None:
    found = noisy(text, kind, share, seed="1")
    assert bool(found.strip()) == bool(text.strip())
    if kind == "swap":
        assert Counter(spoken(found)) == Counter(spoken(text))


@given(text=DIALOGUE, kind=KIND)
@settings(max_examples=40, deadline=None)
def test_a_share_of_nothing_changes_nothing(text: str, kind: str) -> None:
    assert noisy(text, kind, 0.0, seed="1") == text


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_the_share_is_what_is_asked_for(share: float) -> None:
    """400 words that may change, a turn's last one aside."""
    words = spoken(LONG)
    added = spoken(noisy(LONG, "aeda", share, seed="1"))
    assert Counter(added) - Counter(words) == Counter(w for w in added if w in MARKS)
    assert [word for word in added if word not in MARKS] == words
    assert len(added) - len(words) == pytest.approx(share * len(words), abs=1)
    thinned = spoken(noisy(LONG, "delete", share, seed="1"))
    assert not Counter(thinned) - Counter(words)
    assert len(words) - len(thinned) == pytest.approx(share * len(words), abs=1)
    swapped = spoken(noisy(LONG, "swap", share, seed="1"))
    moved = sum(one != other for one, other in zip(words, swapped, strict=True))
    assert moved == pytest.approx(share * len(words), abs=2)


def test_words_move_within_their_turn_only() -> None:
    found = noisy(LONG, "swap", 0.9, seed="1")
    for number, (before, after) in enumerate(zip(turns(LONG), turns(found), strict=True)):
        assert before.split()[0] == after.split()[0], number
        assert Counter(before.split()) == Counter(after.split()), number


def test_seed_and_text_alone_decide() -> None:
    text = "#Person1#: 오늘 같이 도서관에 갈래요?\n#Person2#: 좋아요. 제 번호는 #PhoneNumber#예요."
    assert noisy(text, "aeda", 0.3, seed="42/1") == (
        "#Person1#: 오늘 같이 도서관에 갈래요?\n#Person2#: . 좋아요. ; 제 번호는 #PhoneNumber#예요."
    )
    assert len({noisy(LONG, "delete", 0.2, seed=str(seed)) for seed in range(5)}) == 5


def test_further_special_tokens_are_kept_too() -> None:
    text = " ".join(["[장소]에서", *map(str, range(30))])
    found = noisy(text, "delete", 0.9, seed="1", kept=("[장소]",))
    assert found.startswith("[장소]에서 ")
    assert len(re.findall(r"\d+", found)) == pytest.approx(3, abs=1)
