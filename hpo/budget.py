"""How many trials a study may take."""

from config.schema import Configuration
from config.space import combinations


def budget(config: Configuration) -> int:
    """n_trials, or the size of a search space that has fewer combinations."""
    size = combinations(config.optuna.search_space)
    return config.optuna.n_trials if size is None else min(config.optuna.n_trials, size)
