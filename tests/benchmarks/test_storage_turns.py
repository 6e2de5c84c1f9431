"""Asks measured turn about: a worker of each side, and the ratio of their pairs."""

import pytest

from benchmarks.storage import crowd
from benchmarks.storage.crowd import Load
from benchmarks.storage.fill import OURS, PLAIN
from benchmarks.storage.turns import measure_turn_about, paired
from benchmarks.storage.workers import ASK, Job


@pytest.mark.timeout(60)
@pytest.mark.parametrize("fails", [OURS, PLAIN])
def test_a_side_that_fails_ends_with_its_error_and_the_other_goes_on(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    def run(side: str, job: Job) -> None:
        for number in range(3):
            if side == fails and number == 1:
                raise RuntimeError("the database is away")
            job.seconds[ASK].append(0.1)
            job.started()

    monkeypatch.setattr(crowd, "run_ours", lambda job: run(OURS, job))
    monkeypatch.setattr(crowd, "run_plain", lambda job, _: run(PLAIN, job))
    loads = [Load(side, "", workers=1, trials=3, known=0) for side in (OURS, PLAIN)]
    found = dict(zip((OURS, PLAIN), measure_turn_about(loads), strict=True))
    assert "the database is away" in found[fails].errors[0]
    (other,) = found.keys() - {fails}
    assert (len(found[other].seconds[ASK]), found[other].errors) == (3, [])


def test_the_ratio_is_that_of_calls_that_follow_each_other() -> None:
    """The machine gets slower and slower, which both sides' calls have in common."""
    plain = [0.1 * 1.1**n for n in range(40)]
    found = paired([0.5 * seconds for seconds in plain], plain)
    assert (found.median, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_range_is_the_medians_and_not_the_pairs() -> None:
    ours = [0.4, 0.6] * 100 + [5.0]
    found = paired(ours, [1.0] * len(ours))
    assert 0.4 <= found.low <= found.median <= found.high <= 0.6
