import itertools

import pytest

from benchmarks.ratios import interleaved, machine, ratio, spread


def test_cells_take_turns_and_end_when_their_spread_is_small():
    calls = []

    def cell(name, values):
        steady = iter(values)

        def measure():
            calls.append(name)
            return next(steady)

        return measure

    values = interleaved(
        {"a": cell("a", itertools.repeat(2.0)), "b": cell("b", [1, 9, 5, 5, 5, 5, 5])}
    )
    assert len(values["a"]) == len(values["b"])
    assert 3 < len(values["b"]) < 12
    assert all(set(turn) == {"a", "b"} for turn in zip(calls[::2], calls[1::2], strict=True))


def test_noise_that_does_not_settle_ends_at_the_most_rounds():
    noise = itertools.cycle([1.0, 10.0])
    assert len(interleaved({"a": lambda: next(noise)}, at_most=5)["a"]) == 5


def test_a_ratio_is_taken_round_by_round():
    found = ratio([10.0, 40.0, 18.0], to=[2.0, 10.0, 3.0])
    assert (found.median, found.low, found.high) == (5.0, 4.0, 6.0)
    assert str(found) == "5 (4 to 6)"


def test_one_value_has_no_spread_to_judge():
    assert spread([1.0]) == float("inf")
    assert spread([2.0, 2.0, 2.0]) == pytest.approx(0.0)


def test_the_machine_is_one_line():
    assert "CPU cores" in machine()
    assert "\n" not in machine()
