"""How much each setting mattered, by Optuna's PED-ANOVA."""

import optuna
from optuna.importance import get_param_importances
from optuna.trial import TrialState

from hpo.report.document import Section, Table, Text

FEWEST = 2  # completed trials


def importances(study: optuna.Study) -> Section | None:
    """A table of shares; None where there is too little to compute them from."""
    found = importance_of(study)
    if not found:
        return None
    count = sum(trial.state is TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    rows = tuple((name, f"{share:.0%}") for name, share in found.items())
    text = (
        "The share of each setting in reaching the best tenth of the values (PED-ANOVA), from"
        f" {count} completed trials."
    )
    return Section("Importances", (Text(text), Table(("setting", "share"), rows)))


def importance_of(study: optuna.Study) -> dict[str, float]:
    """Importances by setting, the greatest first; empty where they cannot be computed."""
    completed = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(completed) < FEWEST:
        return {}
    try:
        return get_param_importances(study)
    except (ValueError, RuntimeError):  # too few trials, or all alike
        return {}
