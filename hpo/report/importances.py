"""How much each setting mattered, by Optuna's PED-ANOVA."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.importance import get_param_importances
from optuna.trial import TrialState

from config.counting import counted
from hpo.report.document import Section, Table, Text

FEWEST = 2  # completed trials
LEAST_SHOWN = 0.01  # of a share: Optuna's plot says <0.01 of one below it


def importances(study: optuna.Study) -> Section | None:
    """A table of shares; None where there is too little to compute them from."""
    found = importance_of(study)
    if not found:
        return None
    count = sum(trial.state is TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    rows = tuple((name, percent(share)) for name, share in found.items())
    text = (
        "The share of each setting in reaching the best tenth of the values (PED-ANOVA), from"
        f" {counted(count, 'completed trial')}."
    )
    return Section("Importances", (Text(text), Table(("setting", "share"), rows)))


def percent(share: float) -> str:
    """A share as people read it; one that is next to nothing is not rounded up."""
    return "under 1%" if share < LEAST_SHOWN else f"{share:.0%}"


def importance_of(study: optuna.Study) -> dict[str, float]:
    """Importances by setting, the greatest first; empty where they cannot be computed."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(completed) < FEWEST:
        return {}
    try:
        with without_warnings():
            found = get_param_importances(study, normalize=False)
    except (ValueError, RuntimeError):  # too few trials, or all alike
        return {}
    whole = sum(found.values())  # 0 where nothing can be told: Optuna would call all equal
    return {name: share / whole for name, share in found.items()} if whole > 0 else {}


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep Optuna from warning of few trials: the report itself says how far to trust them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", ExperimentalWarning)  # of `normalize`
        yield
