"""The pruners and samplers of hpo, made as a worker makes them for a task of recorded curves."""

from functools import cache

from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from benchmarks.search.curves import Task
from config.load import load
from config.pruners import Extrapolation, MedianHyperband, Pruner
from config.samplers import CurveTPE, Sampler
from config.schema import Configuration
from hpo.pruners import make_pruner
from hpo.samplers import make_sampler

PRESET = "kobart"
PRUNER, SAMPLER = Extrapolation(), CurveTPE()
MEDIAN_HYPERBAND = MedianHyperband()
"""What the presets had before these were measured; its own defaults are theirs."""


def preset_has(options: Pruner | Sampler) -> bool:
    """Whether the preset ships exactly this sampler or pruner."""
    search = _load(PRESET).optuna
    return options in {search.sampler, search.pruner}


def pruner(task: Task, options: Pruner) -> BasePruner:
    """The pruner as a worker makes it."""
    return make_pruner(_configuration(task, pruner=options))


def sampler(task: Task, options: Sampler, *, seed: int) -> BaseSampler:
    """The sampler as a worker of that seed makes it."""
    return make_sampler(_configuration(task, sampler=options, seed=seed), worker_seed=0)


def _configuration(
    task: Task, *, pruner: Pruner = PRUNER, sampler: Sampler = SAMPLER, seed: int = 42
) -> Configuration:
    """The preset, with the task's search space and its number of evaluations for a trial."""
    config = _load(PRESET)
    training = config.training.model_copy(
        update={"num_train_epochs": task.epochs, "evaluations_per_epoch": 1}
    )
    search = config.optuna.model_copy(
        update={"search_space": task.space, "pruner": pruner, "sampler": sampler}
    )
    general = config.general.model_copy(update={"seed": seed})
    return config.model_copy(update={"general": general, "training": training, "optuna": search})


@cache
def _load(preset: str) -> Configuration:
    return load(preset, overrides=(), environ={})  # reading it takes longer than many a replay
