"""How many trials a study may take."""

from config.schema import Configuration
from config.space import combinations


def budget(config: Configuration, *, retries: int = 0) -> int:
    """n_trials, or the size of a search space that has fewer combinations, and its retries."""
    size = combinations(config.optuna.search_space)
    n_trials = config.optuna.n_trials
    return n_trials if size is None else min(n_trials, size + retries)
