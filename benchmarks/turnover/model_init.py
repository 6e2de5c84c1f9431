"""A peer: `Trainer.hyperparameter_search(backend="optuna")`, all trials in one process.

Run as `python -m benchmarks.turnover.model_init MATERIAL TRIALS`; prints its turnovers as JSON.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import optuna
import torch

from benchmarks.turnover.marks import Marks, turnovers
from benchmarks.turnover.material import Material
from benchmarks.turnover.recipe import load_model, recipe


def main(folder: Path, trials: int) -> None:
    """Search the learning rate."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    material, marks = Material.read(folder), Marks()

    def space(trial: optuna.Trial) -> dict[str, Any]:
        return {"learning_rate": trial.suggest_float("learning_rate", 1e-5, 1e-4, log=True)}

    with TemporaryDirectory() as output, marks.noting():
        trainer = recipe(
            None,
            name=material.model,
            data=material.data,
            output=output,
            marks=marks,
            model_init=lambda: load_model(material.model),
        )
        trainer.hyperparameter_search(hp_space=space, n_trials=trials, backend="optuna")
    print(json.dumps([asdict(each) for each in turnovers(marks.noted)]), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
