"""Which share the limits cut, and the limit that would cut 1%."""

from hypothesis import given
from hypothesis import strategies as st

from config.load import load
from hpo.check.lengths import Limit, limits_of


def limit(tokens: int, *lengths: int) -> Limit:
    return Limit("model.max_encoder_length", "dialogues", tokens, lengths)


def test_a_text_as_long_as_the_limit_is_whole() -> None:
    assert limit(5, 4, 5, 6, 7).share == 0.5
    assert str(limit(5, 4, 5)) == "model.max_encoder_length 5 cuts 0.0% of 2 dialogues"


@given(st.lists(st.integers(1, 2000), min_size=1))
def test_what_is_enough_cuts_no_more_than_1_percent_and_nothing_less_is(lengths: list[int]) -> None:
    enough = limit(1, *lengths).enough
    assert limit(enough, *lengths).share <= 0.01
    assert limit(enough - 1, *lengths).share > 0.01


def test_the_smallest_limit_of_the_search_space_counts() -> None:
    space = "optuna.search_space={model.max_encoder_length: {choices: [512, 256]}}"
    found = limits_of(load("kobart", overrides=[space]), [300], [10])
    assert [each.tokens for each in found] == [256, 128, 128]
    assert [each.share for each in found] == [1.0, 0.0, 0.0]
    ranged = "optuna.search_space={generation.max_new_tokens: {low: 32, high: 64, type: int}}"
    assert limits_of(load("kobart", overrides=[ranged]), [300], [10])[2].tokens == 32
