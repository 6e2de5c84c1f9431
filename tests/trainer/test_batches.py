"""Batches: padding to eight, labels ignored where padded, an order that follows from the epoch."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from transformers.models.bart.modeling_bart import shift_tokens_right

from trainer.batches import LengthGrouped, Padding, by_length, cut

PAD, START = 3, 2
PADDING = Padding(pad=PAD, decoder_start=START, positions=256)


def test_padding_is_a_multiple_of_eight_with_ignored_labels() -> None:
    batch = PADDING(
        [
            {"input_ids": [5] * 9, "labels": [7, 8, 1]},
            {"input_ids": [5, 1], "labels": [1]},
        ]
    )
    assert batch["input_ids"].shape == batch["attention_mask"].shape == (2, 16)
    assert batch["labels"].shape == batch["decoder_input_ids"].shape == (2, 8)
    assert batch["input_ids"][1].tolist() == [5, 1, *[PAD] * 14]
    assert batch["attention_mask"].sum(dim=1).tolist() == [9, 2]
    assert batch["labels"].tolist() == [[7, 8, 1, *[-100] * 5], [1, *[-100] * 7]]


def test_decoder_inputs_are_the_models_own_shift() -> None:
    batch = PADDING([{"input_ids": [5], "labels": [7, 8, 1]}, {"input_ids": [5], "labels": [9, 1]}])
    expected = shift_tokens_right(batch["labels"], PAD, START)
    assert torch.equal(batch["decoder_input_ids"], expected)


def test_eight_tokens_need_no_more_padding() -> None:
    ids, mask = PADDING.sources([[1] * 8])
    assert ids.shape == (1, 8)
    assert mask.all()


@pytest.mark.parametrize(("longest", "width"), [(20, 24), (25, 26), (26, 26)])
def test_padding_ends_where_the_models_positions_do(longest: int, width: int) -> None:
    """KoBART has 1,026, no multiple of eight: a position beyond would be none of its own."""
    padding = replace(PADDING, positions=26)
    batch = padding([{"input_ids": [5] * longest, "labels": [7] * longest}])
    assert {tensor.shape for tensor in batch.values()} == {(1, width)}


def test_epochs_order_follows_from_seed_and_epoch_alone() -> None:
    lengths = [index % 13 for index in range(50)]
    one, other = (LengthGrouped(lengths, batch=4, seed=9) for _ in range(2))
    first = list(one)
    torch.rand(3)  # the global random state is no part of it
    assert list(other) == first
    other.set_epoch(1)
    assert list(other) != first
    assert sorted(first) == list(range(50))
    assert len(one) == 50


def test_batches_hold_similar_lengths() -> None:
    lengths = [(index * 37) % 100 for index in range(400)]
    order = list(LengthGrouped(lengths, batch=8, seed=0))
    waste = sum(
        max(lengths[i] for i in order[at : at + 8]) - lengths[index]
        for at in range(0, 400, 8)
        for index in order[at : at + 8]
    )
    assert waste < 0.15 * sum(lengths)


def test_long_and_short_batches_take_turns_behind_the_longest() -> None:
    lengths = [(index * 37) % 100 for index in range(403)]
    sampler = LengthGrouped(lengths, batch=8, seed=0)
    order = list(sampler)
    assert lengths[order[0]] == max(lengths)
    sampler.set_epoch(1)
    later = [lengths[index] for index in sampler][::8]
    shorter = sum(one > other for one, other in pairwise(later))
    assert 15 < shorter < 35  # of 50: neither sorted down nor up


@pytest.mark.parametrize("count", [1, 7, 8, 9, 31, 64])
def test_an_epoch_takes_every_example_once_whatever_is_left_over(count: int) -> None:
    assert sorted(LengthGrouped([5] * count, batch=8, seed=1)) == list(range(count))


def test_by_length_is_longest_first_and_complete() -> None:
    batches = by_length([3, 9, 1, 9, 4], batch=2)
    assert batches == [[1, 3], [4, 0], [2]]


def test_longest_input_comes_first_in_a_batch() -> None:
    pairs = [{"input_ids": [5] * size, "labels": [size, 1]} for size in (2, 7, 4)]
    batch = PADDING(pairs)
    assert batch["attention_mask"].sum(dim=1).tolist() == [7, 4, 2]
    assert batch["labels"][:, 0].tolist() == [7, 4, 2]


def test_cut_makes_a_piece_where_it_saves_more_padding_than_a_piece_is_worth() -> None:
    lengths = [100, 98, 20, 18, 17]
    assert cut(lengths, most=5, worth=0) == [1, 2, 3, 4, 5]
    assert cut(lengths, most=5, worth=50) == [2, 5]
    assert cut(lengths, most=5, worth=1_000) == [5]
    assert cut([], most=5, worth=1) == []


def test_cut_keeps_within_the_most_rows_with_the_least_padding() -> None:
    assert cut([40, 30, 17, 8, 3], most=2, worth=1_000) == [2, 3, 5]
    assert cut([9] * 7, most=3, worth=1_000) == [1, 4, 7]
