import json

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from benchmarks.search.cells import PRUNING, Cell, measure, read
from benchmarks.search.curves import load_recorded
from benchmarks.search.record import recorded
from config.space import CategoricalEntry, FloatEntry
from hpo.infeasible import end_infeasible
from trainer.errors import TrainingDiverged


@pytest.fixture
def study():
    study = optuna.create_study(direction="maximize")
    for number in range(10):
        trial = study.ask()
        trial.suggest_float("rate", 1e-4, 1.0, log=True)
        trial.suggest_categorical("batch", [4, 8])
        for step in range(1, 7):
            trial.report(number / 10 + step / 100, step)
        trial.set_user_attr("hpo:seconds", 12.0)
        study.tell(trial, 1.0)
    return study


def test_recorded_curves_are_read_as_they_were(study, tmp_path):
    trial = study.ask()
    trial.suggest_float("rate", 1e-4, 1.0, log=True)
    trial.suggest_categorical("batch", [4, 8])
    trial.report(0.01, 1)
    end_infeasible(study, trial, TrainingDiverged(step=7))
    kept = recorded(study.trials, name="own")
    (tmp_path / "own.json").write_text(json.dumps(kept))

    task = load_recorded(tmp_path / "own.json")

    assert task.space["rate"] == FloatEntry(low=1e-4, high=1.0, log=True)
    assert task.space["batch"] == CategoricalEntry(choices=(4, 8))
    assert task.epochs == 6
    assert task.held_out
    assert [len(curve.scores) for curve in task.curves] == [6] * 10 + [1]
    assert [curve.epochs for curve in task.curves] == [6] * 10 + [2]
    assert task.curves[3].scores == (0.31, 0.32, 0.33, 0.34, 0.35, 0.36)
    assert set(kept["trials"][3]) == {"params", "scores", "diverged"}


def test_trials_that_run_or_failed_are_not_recorded(study):
    study.ask()
    study.tell(study.ask(), state=TrialState.FAIL)

    assert len(recorded(study.trials, name="own")["trials"]) == 10


def test_whole_numbers_are_refused_by_name():
    study = optuna.create_study(direction="maximize")
    trial = study.ask({"layers": IntDistribution(1, 6)})
    trial.report(0.1, 1)
    study.tell(trial, 0.1)

    with pytest.raises(TypeError, match="IntDistribution"):
        recorded(study.trials, name="own")


def test_rows_that_were_kept_are_not_measured_again(study, tmp_path):
    kept = recorded(study.trials, name="own")
    (tmp_path / "own.json").write_text(json.dumps(kept))
    task, rows, told = load_recorded(tmp_path / "own.json"), tmp_path / "rows", []
    cells = [Cell(PRUNING, "no pruning", "own", 2, seed) for seed in range(2)]

    first = measure(cells, [task], rows, tell=told.append)
    second = measure(cells, [task], rows, tell=told.append)

    assert first == second == read(rows)
    assert len(told) == 2
