"""What a confirmation says beyond its table, against what happens when it is followed."""

import re

import numpy as np
import pytest

from hpo.confirm import words
from hpo.confirm.posterior import posterior
from hpo.confirm.results import SURE, Candidate, Results

SD = 0.01


def results(*runs: tuple[float, ...]) -> Results:
    """Two candidates whose runs gave these values, the higher first."""
    candidates = tuple(
        Candidate(number, {}, None, dict(enumerate(values))) for number, values in enumerate(runs)
    )
    return Results("s.confirm", candidates, posterior(runs))


@pytest.mark.parametrize("gap", [0.02, 0.015, 0.01])
def test_the_seeds_that_it_asks_for_tell_the_expected_gap_four_times_in_five(gap: float) -> None:
    around = (-SD / 2**0.5, SD / 2**0.5)  # their SD is SD
    there = results(*[tuple(top + e for e in around) for top in (gap, 0.0)])
    said = " ".join(words.said(there))
    expected = (there.expected[0] or 0.0) - (there.expected[1] or 0.0)
    assert 0 < expected < gap
    asked = re.search(r"about (\d+) seeds each would tell trials 0 and 1 apart", said)
    assert asked is not None, said
    seeds, chance = int(asked[1]), np.random.default_rng(5)
    told = 0
    for _ in range(400):
        drawn = chance.normal((expected, 0.0), SD, (seeds, 2)).T.tolist()
        found = posterior(drawn, draws=2000)
        assert found is not None
        told += found.best[0] >= SURE
    assert 0.7 < told / 400 < 0.92


def test_a_gap_that_it_would_take_too_many_seeds_for_is_said_to_be_small() -> None:
    said = " ".join(words.said(results((0.401, 0.415), (0.4, 0.414))))
    assert "trials 0 and 1 are expected to differ by 0.0003: it would take more than 100" in said


def test_no_probability_is_said_to_be_certain() -> None:
    told = list(words.lines(results((0.9, 0.901), (0.1, 0.101))))
    assert "trial 0 is the best, with probability over 99%" in told
    assert told[2].endswith("over 99%")
    assert told[3].endswith("under 1%")
    assert words.percent(0.5) == "50%"


def test_a_single_run_above_the_winner_is_not_passed_over_in_silence() -> None:
    said = " ".join(words.said(results((0.46,), (0.44, 0.45))))
    assert "trial 1 has the highest mean of two runs or more, and any of them may be taken" in said


def test_one_run_far_above_the_winner_is_no_winner_yet() -> None:
    said = list(words.said(results((0.9,), (0.101, 0.103), (0.1, 0.101))))
    assert said[-1].startswith("trial 0 is the best, with probability")
    assert said[-1].endswith("but by one run alone: trial 1 wins until it has a second")


def test_of_what_has_not_run_and_of_one_alone_no_probability_is_said() -> None:
    alone = results((0.4, 0.41), ())
    assert alone.probabilities == {}
    told = list(words.lines(alone))
    assert told[2].endswith("0.4050  -")
    assert told[-1] == "trial 0 alone has completed runs: nothing to compare it with"
    beside = results((0.4, 0.41), (0.39, 0.4), ())
    assert set(beside.probabilities) == {0, 1}
    assert list(words.lines(beside))[4].split() == ["2", "-", "-", "-", "0", "-", "-"]
