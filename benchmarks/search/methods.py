"""What is compared: pruners on the same random configurations, and whole methods of search."""

import site
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module, util
from pathlib import Path

from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.samplers import BaseSampler, TPESampler

from benchmarks.search.curves import Task
from benchmarks.search.ours import MEDIAN_HYPERBAND, PRUNER, SAMPLER, pruner, sampler
from benchmarks.search.replay import Method, OptunaMethod, Unpruned

MakeMethod = Callable[[Task, int], Method]
OURS = "hpo extrapolation"
OUR_SEARCH = "hpo curve_tpe + extrapolation"
NO_PRUNING = "random, no pruning"


def pruning_methods() -> dict[str, MakeMethod]:
    """Every pruner by the name it is shown under; all meet the same configurations."""
    made: dict[str, Callable[[Task], BasePruner]] = {
        "Optuna Median, defaults": lambda _: MedianPruner(),
        "Optuna Median (5, 5)": lambda _: MedianPruner(5, 5),
        "Optuna Hyperband, defaults": lambda task: HyperbandPruner(max_resource=task.epochs),
        "Optuna halving, defaults": lambda _: SuccessiveHalvingPruner(),
        "Optuna halving (2, 3)": lambda _: _halving(2, 3),
        "Optuna halving (3, 3)": lambda _: _halving(3, 3),
        "Optuna halving (5, 3)": lambda _: _halving(5, 3),
        "hpo median+hyperband": lambda task: pruner(task, MEDIAN_HYPERBAND),
        OURS: _our_pruner,
    }
    ours = {name: partial(_pruned, make) for name, make in made.items()}
    return {
        "no pruning": _unpruned,
        **ours,
        "W&B hyperband (min_iter 3)": partial(_wandb, bayes=False),
        "Ray ASHA, defaults": partial(_ray, search=False),
    }


def search_methods() -> dict[str, MakeMethod]:
    """Every pair of sampler and pruner by the name it is shown under."""
    tpe = _tpe
    return {
        NO_PRUNING: _unpruned,
        "TPE, no pruning": partial(_searched, tpe, lambda _: NopPruner()),
        "TPE + Optuna Median": partial(_searched, tpe, lambda _: MedianPruner()),
        "TPE + Optuna Hyperband": partial(
            _searched, tpe, lambda task: HyperbandPruner(max_resource=task.epochs)
        ),
        "random + hpo extrapolation": partial(_pruned, _our_pruner),
        "TPE + hpo extrapolation": partial(_searched, tpe, _our_pruner),
        OUR_SEARCH: partial(_searched, _our_sampler, _our_pruner),
        "Ray ASHA + OptunaSearch": partial(_ray, search=True),
        "W&B bayes + hyperband": partial(_wandb, bayes=True),
    }


PEERS: Mapping[str, str] = {"W&B": "sweeps", "Ray": "ray"}


def find_peers(environment: Path | None) -> list[str]:
    """Make the packages of a virtual environment importable; a line for each peer left out."""
    if environment is not None:
        for packages in environment.glob("lib/python3*/site-packages"):
            site.addsitedir(str(packages))  # at the end: hpo's own packages come first
    return [
        f"left out: {name} (no package {package}; python -m venv peers && peers/bin/pip install"
        " sweeps 'ray[tune]' optuna, then --peers peers)"
        for name, package in PEERS.items()
        if util.find_spec(package) is None
    ]


def present(name: str) -> bool:
    """Whether the packages that a method needs can be imported."""
    package = PEERS.get(name.split(maxsplit=1)[0])
    return package is None or util.find_spec(package) is not None


def _halving(min_resource: int, factor: int) -> BasePruner:
    return SuccessiveHalvingPruner(min_resource=min_resource, reduction_factor=factor)


def _tpe(task: Task, seed: int) -> BaseSampler:
    del task
    return TPESampler(seed=seed)


def _our_pruner(task: Task) -> BasePruner:
    return pruner(task, PRUNER)


def _our_sampler(task: Task, seed: int) -> BaseSampler:
    return sampler(task, SAMPLER, seed=seed)


def _unpruned(task: Task, seed: int) -> Method:
    return Unpruned(task, seed=seed)


def _pruned(make: Callable[[Task], BasePruner], task: Task, seed: int) -> Method:
    return OptunaMethod(task, sampler=None, pruner=make(task), seed=seed)


def _searched(
    make_sampler: Callable[[Task, int], BaseSampler],
    make_pruner: Callable[[Task], BasePruner],
    task: Task,
    seed: int,
) -> Method:
    made = make_sampler(task, seed)
    return OptunaMethod(task, sampler=made, pruner=make_pruner(task), seed=seed)


def _wandb(task: Task, seed: int, *, bayes: bool) -> Method:
    module = import_module("benchmarks.search.wandb_sweeps")
    method: Method = module.WandbMethod(task, bayes=bayes, seed=seed)
    return method


def _ray(task: Task, seed: int, *, search: bool) -> Method:
    module = import_module("benchmarks.search.ray_tune")
    method: Method = module.RayMethod(task, search=search, seed=seed)
    return method
