"""The arithmetic of trials an hour with several at once, and what is printed about it."""

from datetime import datetime, timedelta

import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from benchmarks.architectures import STAND_IN
from benchmarks.per_gpu.__main__ import main
from benchmarks.per_gpu.report import table, verdict
from benchmarks.per_gpu.search import RATE, Found, found, rates, searched
from benchmarks.trial.task import SAMPLE_DATA, SAMPLE_MODEL, Size, Source, settings
from config.load import from_mapping

NOON = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - as Optuna keeps them


def trial(rate: float, value: float, *, start: float, end: float) -> FrozenTrial:
    made = create_trial(
        params={RATE: rate}, distributions={RATE: FloatDistribution(0, 1)}, value=value
    )
    made.datetime_start = NOON + timedelta(seconds=start)
    made.datetime_complete = NOON + timedelta(seconds=end)
    return made


def test_an_hour_counts_from_the_first_start_to_the_last_end() -> None:
    two = [trial(0.1, 0.5, start=10, end=80), trial(0.2, 0.6, start=12, end=82)]
    assert found(two).an_hour == pytest.approx(100.0)
    assert found(two).values == {0.1: 0.5, 0.2: 0.6}


def test_trials_that_did_not_complete_are_no_figure() -> None:
    pruned = create_trial(state=TrialState.PRUNED)
    with pytest.raises(SystemExit, match="did not complete"):
        found([pruned])


def test_learning_rates_are_different_and_make_a_search_that_can_be_pinned(tmp_path) -> None:
    chosen = rates(12, middle=5e-5)
    assert len(set(chosen)) == 12
    assert (chosen[0], chosen[-1]) == (2.5e-5, 1e-4)
    size = Size(None, None, epochs=1, learning_rate=5e-5, architecture=STAND_IN)
    source = Source(SAMPLE_DATA, SAMPLE_MODEL, tmp_path, threads=1)
    config = from_mapping(searched(settings(source, size, seed=0, data=SAMPLE_DATA), chosen))
    assert config.optuna.n_trials == config.optuna.search_space[RATE].size == 12


def test_nothing_is_measured_without_what_it_is_compared_with(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--at-once", "2", "4"])
    assert "1 has to be among them" in capsys.readouterr().err


def test_the_table_shows_ratios_and_differences_of_values() -> None:
    alone = [Found(10.0, {0.1: 0.5}, ()), Found(20.0, {0.1: 0.5}, ())]
    same = [Found(16.0, {0.1: 0.5}, ()), Found(34.0, {0.1: 0.5}, ())]
    off = [Found(10.0, {0.1: 0.5}, ()), Found(20.0, {0.1: 0.48}, ())]
    lines = table({1: alone, 2: same, 3: off}).splitlines()
    assert lines[1].endswith("none between runs")
    assert "1.65 (1.6 to 1.7)" in lines[2]
    assert lines[2].endswith("none")
    assert lines[3].endswith("0.0200 from one at once")


def test_only_a_gpu_can_meet_the_aim() -> None:
    runs = {1: [Found(10.0, {}, ())], 2: [Found(17.0, {}, ())], 4: [Found(16.0, {}, ())]}
    assert "stays open" in verdict(runs, on_gpu=False)
    assert verdict(runs, on_gpu=True) == "best: 2 at once, 1.70x; the aim is 1.6x: met"
    assert "missed" in verdict({1: runs[1], 4: runs[4][:0] or [Found(15, {}, ())]}, on_gpu=True)
