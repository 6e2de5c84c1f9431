"""Nouns and their weights."""

from math import log, sqrt

import pytest

from hpo.eda.nouns import nouns
from hpo.eda.terms import count_words, typical_terms


def test_nouns_are_those_of_two_syllables_without_tags():
    found = nouns(["#Person1#: 은행에서 카드를 새로 만들었다.", "ㅋㅋ"])
    assert found == [["은행", "카드"], []]


def test_weights_are_the_mean_tf_idf_of_a_topics_dialogues():
    documents = [["은행", "은행", "카드"], ["은행"], ["카드"], ["여행", "카드"], ["여행"]]
    topics = ["돈", "돈", "돈", None, None]
    everything, money = typical_terms(documents, topics)
    bank, card = log(6 / 3) + 1, log(6 / 4) + 1
    length = sqrt((2 * bank) ** 2 + card**2)
    assert (everything.topic, everything.dialogues) == (None, 5)
    assert (money.topic, money.dialogues) == ("돈", 3)
    assert [each.word for each in money.terms] == ["은행", "카드"]
    assert money.terms[0].weight == pytest.approx((2 * bank / length + 1) / 3)
    assert money.terms[1].weight == pytest.approx((card / length + 1) / 3)


def test_nothing_in_common_is_no_error_and_rare_topics_are_left_out():
    assert typical_terms([["은행"], ["카드"], []], [None, None, None]) == ()
    (everything,) = typical_terms([["은행"], ["은행"]], ["돈", "일"])
    assert everything.topic is None


def test_words_are_counted():
    words = count_words("dialogue", [["은행", "카드"], ["카드"]])
    assert words.nouns == 3
    assert [(each.word, each.times) for each in words.most] == [("카드", 2), ("은행", 1)]
