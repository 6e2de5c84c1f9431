"""The figures of lengths: the smallest limit is the smallest, and every number is in a bin."""

from hypothesis import given
from hypothesis import strategies as st

from hpo.eda.distribution import common_edges, distribution, not_exceeded_by

NUMBERS = st.lists(st.integers(1, 3000), min_size=1, max_size=300)


@given(NUMBERS, st.sampled_from([0.01, 0.05, 0.5]))
def test_the_smallest_limit_cuts_at_most_its_share_and_one_less_cuts_more(numbers, share):
    limit = not_exceeded_by(sorted(numbers), share=share)
    assert sum(each > limit for each in numbers) <= share * len(numbers)
    assert sum(each > limit - 1 for each in numbers) > share * len(numbers)


@given(NUMBERS, NUMBERS)
def test_bins_hold_every_number_of_every_group(first, second):
    edges = common_edges([first, second])
    assert len(set(map(int.__sub__, edges[1:], edges[:-1]))) == 1
    for numbers in (first, second):
        found = distribution(numbers, edges=edges)
        for place, count in enumerate(found.counts):
            assert count == sum(edges[place] <= each < edges[place + 1] for each in numbers)
        assert sum(found.counts) == len(numbers)


def test_seven_of_700_are_one_per_cent():
    assert not_exceeded_by([1] * 693 + [9] * 7, share=0.01) == 1
    assert not_exceeded_by([1] * 692 + [9] * 8, share=0.01) == 9
