"""Values that a program which knows Optuna only told in a search's study: none of them wins."""

import json
import subprocess
import sys

from config.load import load
from storage.url import StorageURL

PLAIN_OPTUNA = """
import sys, optuna

storage = optuna.storages.RDBStorage(sys.argv[1])
study = optuna.load_study(study_name="s", storage=storage)
known = study.ask()
known.suggest_float("training.learning_rate", 1e-4, 3e-2, log=True)
known.suggest_float("training.warmup_ratio", 0.0, 0.3)
study.tell(known, 0.9)

def objective(trial):
    return trial.suggest_float("x", 0.94, 0.96)

study.optimize(objective, n_trials=1)
"""


def tell_from_elsewhere(machine) -> None:
    url = StorageURL.parse(machine.storage).sqlalchemy
    subprocess.run([sys.executable, "-c", PLAIN_OPTUNA, url], check=True, cwd=machine.folder)


def test_values_of_another_program_never_win_and_can_be_trained(postgres_machine) -> None:
    machine = postgres_machine
    machine.call(
        *("create", "--study", "s", "--config", "search.yaml", "-o", "optuna.n_trials=2"),
        *("-o", "optuna.pruner.name=extrapolation", "-o", "training.num_train_epochs=5"),
    )
    tell_from_elsewhere(machine)
    shown = " ".join(machine.call("status").split())  # folded where it is wider than 80 letters
    assert "best trial 1 (0.9" in shown
    assert "told by another program and can't win: its parameters can't be trained" in shown
    refused = machine.call("best", status=1)
    assert refused.startswith("Error: study 's' has no completed trial that hpo trained; trial 1 (")

    said = machine.run("worker", "--study", "s", "--max-trials", "2")
    ours = [trial for trial in machine.trials()[2:] if trial.state.name == "COMPLETE"]
    assert ours, "a value without a curve pruned every trial"
    best = max(ours, key=lambda trial: trial.value)
    assert f"best of 's': trial {best.number}, {best.value:.4f}" in said
    assert "trial 1 (0.9" in said

    status = json.loads(machine.call("status", "--json"))
    assert (status["taken"], status["told"], status["best"]["number"]) == (2, 2, best.number)
    assert status["better_told"]["trial"] == 1
    shown = machine.call("best", "--export", "best.yaml")
    assert "trial 1 (0.9" in shown
    assert load(str(machine.folder / "best.yaml")).provenance["trial"] == best.number
    assert f"{best.value:.4f} (trial {best.number})" in machine.call("studies")
    report = machine.call("report")
    assert f"Best: trial {best.number}" in report
    assert "Not counted: trial 1 (0.9" in report
    assert "has no completed trial 1 that hpo trained" in machine.call(
        *("confirm", "--study", "s", "--trial", "1"), status=1
    )

    assert "trial 0 is queued again" in machine.call("retry", "--trial", "0")
    assert "x is not in the search space" in machine.call("retry", "--trial", "1", status=1)
    machine.call("create", "--study", "s", "-o", "optuna.n_trials=3")
    machine.run("worker", "--study", "s")
    told, trained = machine.trials()[0], machine.trials()[-1]
    assert trained.params == told.params
    assert trained.user_attrs["hpo:retry_of"] == 0
    assert len(machine.trials()) == 5


BRING_ALONG = """
import sys, optuna

storage = optuna.storages.RDBStorage(sys.argv[1])
study = optuna.load_study(study_name="s", storage=storage)
for trial in optuna.load_study(study_name="other", storage=storage).trials:
    trial.values = [0.9]  # as on dialogues that are easier
    study.add_trial(trial)
"""
COPY = """
import sys, optuna

storage = optuna.storages.RDBStorage(sys.argv[1])
optuna.copy_study(
    from_study_name="s", from_storage=storage, to_storage=storage, to_study_name="copy"
)
"""


def test_a_trial_of_another_study_never_wins_but_in_a_copy_of_its_own(sqlite_machine) -> None:
    machine = sqlite_machine
    url = StorageURL.parse(machine.storage).sqlalchemy
    for name in ("other", "s"):
        pruner = "-o", "optuna.pruner.name=extrapolation", "-o", "training.num_train_epochs=5"
        machine.call("create", "--study", name, "--config", "search.yaml", *pruner)
    machine.run("worker", "--study", "other", "--max-trials", "1")
    subprocess.run([sys.executable, "-c", BRING_ALONG, url], check=True, cwd=machine.folder)

    said = machine.run("worker", "--study", "s", "--max-trials", "2")
    ours = [trial for trial in machine.trials()[1:] if trial.state.name == "COMPLETE"]
    assert ours, "a curve of another study pruned every trial"
    best = max(ours, key=lambda trial: trial.value)
    brought = "trial 0 (0.9000) was trained in another study and can't win: hpo retry"
    for shown in (
        said.split("worker ended")[1],
        machine.call("status", "--study", "s"),
        machine.call("best", "--study", "s", "--export", "best.yaml"),
        machine.call("report", "--study", "s"),
    ):
        assert brought in " ".join(shown.split())
    assert f"best of 's': trial {best.number}, {best.value:.4f}" in said
    assert load(str(machine.folder / "best.yaml")).provenance["trial"] == best.number
    assert f"{best.value:.4f} (trial {best.number})" in machine.call("studies")

    subprocess.run([sys.executable, "-c", COPY, url], check=True, cwd=machine.folder)
    copied = machine.call("best", "--study", "copy")
    assert f"best of 'copy': trial {best.number}" in copied
    assert f"trial {best.number} was trained in another study and copied here" in copied
    assert brought in copied
