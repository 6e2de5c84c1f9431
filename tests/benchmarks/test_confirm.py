"""The benchmark of `hpo confirm`: which searches it reads, and what its simulation must show."""

from pathlib import Path

import pytest

from benchmarks.confirm import calibration, simulation
from benchmarks.confirm.simulation import simulate
from benchmarks.confirm.traces import NoTraces, load_traces, repeat_sd, repeated

HEADER = "number,value,params_lr,params_beams,state\n"
SCORES = [0.40, 0.401, 0.402, 0.403, 0.39, 0.38]


@pytest.fixture(autouse=True)
def few_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "REPEATS", 2000)
    monkeypatch.setattr(simulation, "ASKED", 30)


def write(folder: Path, name: str, scores: list[float], *, header: str = HEADER) -> None:
    rows = [f"{n},{score},{n + 1}e-05,4,COMPLETE\n" for n, score in enumerate(scores)]
    (folder / name).write_text(header + "".join(rows) + "9,0.9,1e-05,4,PRUNED\n", encoding="utf-8")


def test_completed_trials_of_searches_that_are_long_enough_are_read(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", SCORES)
    write(tmp_path, "b.csv", [score + 0.002 for score in SCORES])
    write(tmp_path, "short.csv", SCORES[:3])
    write(tmp_path, "other.csv", SCORES, header="number,loss,params_lr,params_beams,state\n")
    one, other = load_traces(tmp_path)
    assert list(one.scores.values()) == SCORES
    numbers = repeated(one, other)
    assert numbers == list(range(6))
    assert repeat_sd(one, other, numbers) == pytest.approx(0.002 / 2**0.5)
    with pytest.raises(NoTraces):
        load_traces(tmp_path / "nowhere")


def test_without_noise_every_winner_is_the_best() -> None:
    for seeds in (0, 2):
        outcome = simulate(SCORES, sd=1e-9, seeds=seeds)
        assert outcome.found == 1.0
        assert outcome.regret == pytest.approx(0, abs=1e-8)
    assert outcome.sure == outcome.right == 1.0


def test_further_runs_find_the_best_more_often_and_promise_less() -> None:
    one, three, many = (simulate(SCORES, sd=0.003, seeds=seeds) for seeds in (0, 3, 40))
    assert one.found < three.found < many.found
    assert one.regret > three.regret > many.regret
    assert one.optimism > three.optimism > many.optimism > 0


def test_the_likeliest_is_the_best_as_often_as_is_said_and_never_judged_by_one_run() -> None:
    sets = {
        between: calibration.judged(between, candidates=(3,), seeds=(3,), repeats=100)
        for between in (0.0, 1.0, 4.0)
    }
    rows = list(calibration.by_between(sets))
    assert len(rows) == 5
    said, right = (
        [float(row.split("|")[column].split("%")[0]) for row in rows[2:]] for column in (2, 3)
    )
    assert said == sorted(said)
    assert right == sorted(right)
    assert right[2] > 85
    assert sum(int(row.split("|")[2]) for row in list(calibration.by_said(sets))[2:]) == 300
    with pytest.raises(ValueError, match="2 or more"):
        calibration.judged(1.0, candidates=(3,), seeds=(1,), repeats=1)
