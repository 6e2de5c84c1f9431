"""Counts with their nouns."""

import pytest

from config.counting import counted


@pytest.mark.parametrize(
    ("count", "nouns", "shown"),
    [
        (0, ("trial",), "0 trials"),
        (1, ("trial",), "1 trial"),
        (12_457, ("dialogue",), "12,457 dialogues"),
        (1.0, ("epoch",), "1 epoch"),
        (2.5, ("epoch",), "2.5 epochs"),
        (1, ("summary", "summaries"), "1 summary"),
        (2, ("summary", "summaries"), "2 summaries"),
    ],
)
def test_a_noun_agrees_with_its_count(count, nouns, shown) -> None:
    assert counted(count, *nouns) == shown
