"""The pruners and samplers of hpo, made from a preset for a task of recorded curves."""

from functools import cache

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from benchmarks.search.curves import Task
from config.load import load
from config.schema import Configuration
from hpo.pruners import make_pruner
from hpo.samplers import make_sampler

PRESET = "kobart"


def configuration(task: Task, *, preset: str = PRESET, seed: int = 42) -> Configuration:
    """The preset, with the task's search space and its number of evaluations for a trial."""
    config = _load(preset)
    training = config.training.model_copy(
        update={"num_train_epochs": task.epochs, "evaluations_per_epoch": 1}
    )
    return config.model_copy(
        update={
            "general": config.general.model_copy(update={"seed": seed}),
            "training": training,
            "optuna": config.optuna.model_copy(update={"search_space": task.space}),
        }
    )


def preset_pruner(task: Task, *, preset: str = PRESET) -> BasePruner:
    """The preset's pruner as it ships."""
    return make_pruner(configuration(task, preset=preset))


def preset_sampler(task: Task, *, seed: int, preset: str = PRESET) -> BaseSampler:
    """The preset's sampler as it ships, for a worker of that seed."""
    return make_sampler(configuration(task, preset=preset, seed=seed), worker_seed=0)


@cache
def _load(preset: str) -> Configuration:
    return load(preset, overrides=(), environ={})  # reading it takes longer than many a replay
