"""The main job with real processes: search, watch, export, train again, predict."""

import json
import shutil
from pathlib import Path

import pytest
from optuna.trial import TrialState

from config.load import load
from config.sample import locate
from trainer.model import load_model
from trainer.tokens import load_tokenizer


def test_two_workers_run_exactly_the_budget_and_the_winner_trains_again(machine) -> None:
    machine.call("create", "--study", "s", "--config", "search.yaml")
    workers = [machine.start("worker", "--study", "s") for _ in range(2)]
    printed = [machine.finish(worker) for worker in workers]

    trials = machine.trials()
    assert len(trials) == 6
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert all(trial.intermediate_values for trial in trials)
    for trial in trials:
        pruned = trial.state == TrialState.PRUNED
        assert ("hpo:pruned" in trial.user_attrs) == pruned
        if not pruned:
            assert trial.value == max(trial.intermediate_values.values())
    assert "the budget is spent" in "".join(printed)
    assert "hpo best --study s --export config.yaml" in "".join(printed)
    assert len(list((machine.folder / "outputs").rglob("*.wandb"))) == 6

    status = json.loads(machine.call("status", "--json"))
    assert status["study"] == "s"
    assert status["budget"] == 6
    assert status["trials"]["complete"] + status["trials"]["pruned"] == 6
    assert status["trials"]["running"] == status["trials"]["failed"] == 0

    best = json.loads(machine.call("best", "--json", "--export", "config.yaml"))
    assert best["value"] == max(t.value for t in trials if t.state == TrialState.COMPLETE)
    assert status["best"] == {key: best[key] for key in ("number", "value", "params")}
    assert set(best) == {"study", "number", "value", "epoch", "params", "config"}

    machine.run("train", "--config", "config.yaml", "--output", "model")
    scores = json.loads((machine.folder / "model/scores.json").read_text(encoding="utf-8"))
    assert scores["value"] == best["value"]
    assert scores["best"]["epoch"] == best["epoch"]
    predicts_a_submission(machine)


def test_a_checkpoint_without_rows_for_the_special_tokens_is_searched(sqlite_machine) -> None:
    """As `gogamza/kobart-base-v2` is with the preset `kobart`."""
    machine = sqlite_machine
    saves_a_checkpoint(machine.folder)
    words = ("-o", "model.name=./checkpoint", "-o", "model.init=pretrained")
    short = ("-o", "model.architecture={}", "-o", "optuna.n_trials=2")
    machine.call("create", "--study", "s", "--config", "search.yaml", *words, *short)
    machine.run("worker", "--study", "s")
    assert [trial.state for trial in machine.trials()] == [TrialState.COMPLETE] * 2
    best = json.loads(machine.call("best", "--json", "--export", "config.yaml"))
    machine.run("train", "--config", "config.yaml", "--output", "model")
    scores = json.loads((machine.folder / "model/scores.json").read_text(encoding="utf-8"))
    assert scores["value"] == best["value"]


def saves_a_checkpoint(folder: Path) -> None:
    without = ("preprocessing.special_tokens=[]",)
    config = load(str(folder / "search.yaml"), overrides=without, environ={})
    load_model(config, load_tokenizer(config)).save_pretrained(folder / "checkpoint")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(locate("sample:model") / name, folder / "checkpoint")


def predicts_a_submission(machine) -> None:
    data = machine.folder / "test.csv"
    data.write_text("fname,dialogue\na,#Person1#: 안녕\nb,#Person2#: 네\n", encoding="utf-8")
    words = ("--model", "model", "--data", "test.csv", "--out", "out.csv", "--submission")
    machine.call("predict", *words)
    lines = (machine.folder / "out.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",fname,summary"
    assert [line.split(",")[:2] for line in lines[1:]] == [["0", "a"], ["1", "b"]]


def test_the_same_study_is_created_once_and_another_configuration_is_refused(machine) -> None:
    first = machine.call("create", "--study", "s", "--config", "search.yaml")
    again = machine.call("create", "--study", "s", "--config", "search.yaml")
    other = machine.call(
        "create", "--study", "s", "--config", "search.yaml", "-o", "general.seed=7", status=1
    )
    assert "created" in first
    assert "exists with this configuration" in again
    assert "general.seed" in other
    assert "Traceback" not in other


def test_a_worker_with_other_data_is_refused_before_it_takes_a_trial(
    sqlite_machine, few_dialogues: Path, tmp_path: Path
) -> None:
    machine = sqlite_machine
    machine.call("create", "--study", "s", "--config", "search.yaml")
    other = tmp_path / "other"
    other.mkdir()
    for name in ("train.csv", "dev.csv"):
        rows = (few_dialogues / name).read_text(encoding="utf-8")
        (other / name).write_text(rows.replace("네", "예"), encoding="utf-8")
    printed = machine.run("worker", "--study", "s", "--data", "other", status=1)
    assert "data" in printed
    assert "Traceback" not in printed
    assert machine.trials() == []


def test_a_finite_space_is_searched_once_and_no_further(postgres_machine) -> None:
    machine = postgres_machine
    space = "optuna.search_space={training.per_device_train_batch_size: {choices: [4, 8, 16]}}"
    short = ("-o", "training.num_train_epochs=1", "-o", "optuna.n_trials=10")
    created = machine.call("create", "-s", "s", "-c", "search.yaml", "-o", space, *short)
    assert "3 trials" in created
    workers = [machine.start("worker", "--study", "s") for _ in range(2)]
    for worker in workers:
        machine.finish(worker)
    tried = [trial.params["training.per_device_train_batch_size"] for trial in machine.trials()]
    assert sorted(tried) == [4, 8, 16]


def test_a_worker_stops_when_trials_fail_alike(sqlite_machine) -> None:
    machine = sqlite_machine
    # More evaluations than an epoch has steps: accepted as a configuration, fails in training.
    broken = ("-o", "training.evaluations_per_epoch=50")
    machine.call("create", "--study", "s", "--config", "search.yaml", *broken)
    printed = machine.run("worker", "--study", "s", status=1)
    trials = machine.trials()
    assert [trial.state for trial in trials] == [TrialState.FAIL] * 3
    assert "evaluations_per_epoch" in trials[0].user_attrs["hpo:error"]
    assert "3 trials in a row failed alike" in printed


@pytest.mark.parametrize("words", [("status",), ("best",), ("studies",)])
def test_looking_at_an_empty_place_gives_one_line_and_makes_nothing(
    postgres_machine, words: tuple[str, ...]
) -> None:
    machine = postgres_machine
    printed = machine.call(*words, status=1)
    assert "hpo create" in printed
    assert not (machine.folder / "hpo.db").exists()
    assert "Traceback" not in printed
