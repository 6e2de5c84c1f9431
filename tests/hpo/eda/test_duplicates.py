"""Copies and leaks: the planted ones are found, and no pair is overlooked or made up."""

from itertools import combinations
from pathlib import Path

import pytest

from config.load import load
from hpo.eda.duplicates import find_duplicates, pieces
from hpo.eda.splits import Split, read_splits
from trainer.data import Example


def overlaps(found):
    return {(each.first, each.second): each for each in found.overlaps}


def split(name, *dialogues):
    examples = [Example(f"{name}_{i}", text, ("s",)) for i, text in enumerate(dialogues)]
    return Split(name, Path(f"{name}.csv"), tuple(examples))


def test_planted_copies_and_leaks_are_found(splits):
    found = overlaps(find_duplicates(splits))
    within = found["train", "train"]
    assert (within.exact, within.near, within.of_second) == (1, 0, 2)
    assert [(each.first.fname, each.second.fname) for each in within.pairs] == [("a", "d")]
    leak = found["train", "test"]
    assert (leak.exact, leak.near, leak.of_second) == (1, 0, 1)
    assert (leak.pairs[0].first.fname, leak.pairs[0].second.fname) == ("b", "g")
    near = found["train", "dev"]
    assert (near.exact, near.near, near.of_second) == (0, 2, 1)
    assert 0.25 <= near.pairs[0].similarity < 1
    assert found["dev", "test"].pairs == ()


def test_every_pair_of_the_sample_data_is_compared():
    splits = read_splits(load("demo"))
    found = find_duplicates(splits, near=0.2)
    texts = {e.fname + s.name: pieces(e.dialogue) for s in splits for e in s.examples}
    expected = {}
    for (one, first), (other, second) in combinations(texts.items(), 2):
        common = len(first & second)
        similarity = common / (len(first) + len(second) - common)
        if similarity >= 0.2:
            expected[one, other] = pytest.approx(similarity)
    pairs = {
        (p.first.fname + p.first.split, p.second.fname + p.second.split): p.similarity
        for each in found.overlaps
        for p in each.pairs
    }
    assert len(expected) > 100
    assert sum(each.exact + each.near for each in found.overlaps) == len(expected)
    assert all(expected[pair] == similarity for pair, similarity in pairs.items())
    assert found.alike == len({name for pair in expected for name in pair})
    assert sum(found.nearest) == len(texts)


def test_tags_punctuation_and_capitals_make_no_difference_and_short_texts_compare():
    texts = ("#Person1#: Hello, 친구야!", "hello 친구야", "네", "네.", "!")
    found = find_duplicates([split("train", *texts)])
    (within,) = found.overlaps
    assert {(each.first.fname, each.second.fname) for each in within.pairs} == {
        ("train_0", "train_1"),
        ("train_2", "train_3"),
    }
    assert within.exact == 0
    assert found.alike == 4


def test_a_file_of_one_dialogue_many_times_is_counted_and_listed_in_part():
    found = find_duplicates([split("train", *["같은 이야기를 합니다."] * 60)])
    (within,) = found.overlaps
    assert (within.exact, within.near, within.of_second) == (60 * 59 // 2, 0, 60)
    assert len(within.pairs) == 1_000
    assert found.nearest[-1] == 60
