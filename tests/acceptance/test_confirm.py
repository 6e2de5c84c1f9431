"""The best trials of a search run again by real workers, one of which is killed in the midst."""

import json
import os
import signal

import optuna

from config.load import load
from storage.connect import connect
from storage.url import StorageURL

SEARCH = (
    *("worker", "--study", "s", "--config", "search.yaml"),
    *("-o", "optuna.pruner=none", "-o", "optuna.n_trials=3"),
    *("-o", "training.num_train_epochs=4"),
)


def companions(machine) -> list[optuna.trial.FrozenTrial]:
    with connect(StorageURL.parse(machine.storage)) as database:
        study = optuna.load_study(study_name="s.confirm", storage=database.storage)
        return study.get_trials(deepcopy=True)


def test_candidates_run_exactly_once_a_seed_and_the_export_trains_to_its_score(
    sqlite_machine, until
) -> None:
    machine = sqlite_machine
    machine.run(*SEARCH)
    said = machine.call("confirm", "--study", "s", "--top", "2", "--seeds", "2")
    assert "study 's.confirm' created: 4 runs" in said
    worker = machine.start("worker", "--study", "s.confirm", HPO_LEASE_S="3")
    until(lambda: len(companions(machine)[1].intermediate_values) >= 1)
    os.killpg(worker.pid, signal.SIGKILL)  # in its second run
    worker.wait()
    said = machine.call("confirm", "--top", "2", "--seeds", "3")
    assert "extended from 4 runs to 6" in said
    workers = [machine.start("worker", "--study", "s.confirm", HPO_LEASE_S="3") for _ in range(2)]
    printed = "".join(machine.finish(worker) for worker in workers)
    assert "hpo best --study s --confirmed --export config.yaml" in printed
    runs = companions(machine)
    assert [run.state.name for run in runs] == ["COMPLETE"] * 6
    assert (
        len({(run.params["training.learning_rate"], run.params["general.seed"]) for run in runs})
        == 6
    )

    machine.call("best", "--confirmed", "--export", "best.yaml")
    config = load(str(machine.folder / "best.yaml"))
    assert config.provenance is not None
    machine.run("train", "--config", "best.yaml", "--output", "model")
    scores = json.loads((machine.folder / "model" / "scores.json").read_text(encoding="utf-8"))
    assert scores["value"] == config.provenance["value"]
    (repeated,) = [run for run in runs if run.number == config.provenance["trial"]]
    assert repeated.value == config.provenance["value"]
