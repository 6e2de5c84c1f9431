"""A confirmation in words: a table of the candidates, and what can and cannot be said of them."""

import math
import shlex
import statistics
from collections.abc import Iterator

from config.counting import counted
from hpo.confirm.names import confirmed_name
from hpo.confirm.results import Candidate, Results

SURE_Z = 2.0  # standard errors between two means, from which the better is so with 95%
OFTEN_Z = 0.842  # 80%: without it a true gap would be told in every second confirmation only
OVER, UNDER = 0.995, 0.005  # of a probability, beyond which its draws cannot tell it from certain
MANY = 100  # seeds; beyond it the difference is too small to matter


def lines(results: Results) -> Iterator[str]:
    """Every line that people read of a confirmation."""
    ended = sum(len(c.values) + c.failed for c in results.candidates)
    runs = ended + sum(c.left for c in results.candidates)
    yield f"the best trials run again by {results.study!r}, {ended} of {runs} runs ended:"
    yield (
        f"{'trial':>7}{'single run':>12}{'mean':>9}{'SD':>9}{'runs':>6}{'expect':>9}"
        "  best of all with"
    )
    for candidate in results.candidates:
        yield _row(candidate, results)
    yield from said(results)


def said(results: Results) -> Iterator[str]:
    """What there is to say of the candidates, beside the table."""
    yield from _caution(results)
    yield from _verdict(results)


def percent(probability: float) -> str:
    """A probability as people read it; that of what may still be otherwise is never 0 or 100%."""
    if probability >= OVER:
        return "over 99%"
    return "under 1%" if probability < UNDER else f"{probability:.0%}"


def as_json(results: Results) -> dict[str, object]:
    """The stable JSON form."""
    found, leaders = results.posterior, results.leaders
    return {
        "study": results.study,
        "pooled_sd": None if found is None else found.sd,
        "winner": None if results.winner is None else results.winner.number,
        "leaders": [candidate.number for candidate in leaders],
        "candidates": [
            {
                "number": c.number,
                "single_run": c.single,
                "mean": c.mean,
                "sd": c.sd,
                "values": {str(seed): value for seed, value in c.values.items()},
                "failed": c.failed,
                "left": c.left,
                "expected": results.expected.get(c.number),
                "probability_best": results.probabilities.get(c.number),
                "params": dict(c.params),
            }
            for c in results.candidates
        ],
    }


def _row(candidate: Candidate, results: Results) -> str:
    expected = results.expected.get(candidate.number)
    probability = results.probabilities.get(candidate.number)
    single, mean, sd, expect = (
        "-" if value is None else f"{value:.4f}"
        for value in (candidate.single, candidate.mean, candidate.sd, expected)
    )
    chance = "-" if probability is None else percent(probability)
    notes = [f"{candidate.failed} failed"] * bool(candidate.failed)
    notes += [f"{candidate.left} to come"] * bool(candidate.left)
    runs = len(candidate.values)
    row = f"{candidate.number:>7}{single:>12}{mean:>9}{sd:>9}{runs:>6}{expect:>9}  {chance}"
    return f"{row} ({', '.join(notes)})" if notes else row


def _caution(results: Results) -> Iterator[str]:
    gaps = [
        c.single - c.mean for c in results.candidates if c.single is not None and c.mean is not None
    ]
    if gaps:
        gap = statistics.fmean(gaps)
        yield (
            "the single run does not count, for it chose the trials by their luck too: here it was"
            f" {abs(gap):.4f} {'above' if gap >= 0 else 'below'} the mean, on average"
        )


def _verdict(results: Results) -> Iterator[str]:
    found, leaders = results.posterior, results.leaders
    if found is None or results.winner is None:
        yield "nothing can be said before a candidate has two completed runs"
        return
    degrees = f"{counted(found.degrees, 'degree')} of freedom"
    yield (
        f"one run's SD is {found.sd:.4f} (pooled, {degrees}); the probabilities are those of the"
        " normal model with that noise"
    )
    if not leaders:
        yield f"trial {results.winner.number} alone has completed runs: nothing to compare it with"
        return
    if len(leaders) == 1:
        chance = percent(results.probabilities[leaders[0].number])
        other = f", but by one run alone: trial {results.winner.number} wins until it has a second"
        yield (
            f"trial {leaders[0].number} is the best, with probability {chance}"
            f"{other * (results.winner is not leaders[0])}"
        )
        return
    named = _listed([candidate.number for candidate in leaders])
    yield (
        f"the leaders cannot be told apart: the best is one of trials {named}; trial"
        f" {results.winner.number} has the highest mean{_of_whom(results)}, and any of them may be"
        " taken"
    )
    yield from _how_many(results)


def _of_whom(results: Results) -> str:
    """Where a single run lies higher than the winner's mean: that it is the highest of the rest."""
    return "" if results.winner is results.candidates[0] else " of two runs or more"


def _how_many(results: Results) -> Iterator[str]:
    """How many seeds would tell the two first apart."""
    first, second = results.candidates[:2]
    seeds = seeds_to_tell(results)
    if seeds is None:
        yield (
            f"trials {first.number} and {second.number} are expected to differ by"
            f" {_gap(results):.4f}: it would take more than {MANY} seeds each to tell them apart"
        )
        return
    study = shlex.quote(confirmed_name(results.study) or results.study)
    yield (
        f"about {seeds} seeds each would tell trials {first.number} and {second.number} apart, if"
        f" they differ as expected: hpo confirm --study {study}"
        f" --trial {first.number} --trial {second.number} --seeds {seeds}"
    )


def seeds_to_tell(results: Results) -> int | None:
    """How many seeds would tell the two highest means apart in four of five cases.

    If their true means are as far apart as is expected: n = 2 ((SURE_Z + z_.80) SD / gap)^2, the
    size of a one-sided test of two means, but for SURE_Z. By draws from the posterior it takes 1.9
    standard errors with 80 runs each, 2.0 with 35, 2.3 with 8; the test takes 1.645.
    None where it would take more than MANY.
    """
    found, gap = results.posterior, _gap(results)
    if found is None or not gap:
        return None
    seeds = math.ceil(2 * ((SURE_Z + OFTEN_Z) * found.sd / gap) ** 2)
    seeds = max(seeds, len(results.candidates[0].values) + 1)
    return None if seeds > MANY else seeds


def _gap(results: Results) -> float:
    """By how much the two highest means are expected to differ; of fewer runs it may be lower."""
    one, other = (results.expected.get(c.number) or 0.0 for c in results.candidates[:2])
    return abs(one - other)


def _listed(numbers: list[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}"
