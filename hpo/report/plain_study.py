"""The study in memory with what plots need: short names, and nothing of the machines it ran on."""

import copy
import warnings
from collections.abc import Mapping

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from hpo.hiding import hide
from hpo.report.facts import Facts, last_part
from hpo.report.failures import reason_of
from hpo.suggest import holds
from hpo.trial_record import is_infeasible

CONSTRAINTS = "constraints:"  # Optuna's own, by which it knows infeasible trials
REASON = "reason"


def plain_study(facts: Facts) -> optuna.Study:
    """Copy the trials that have begun, but for those with a value that are not its own.

    Parameters are called by the last part of their fields.
    """
    study = optuna.create_study(direction="maximize")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([facts.metric])
    names = short_names(facts)
    own = facts.pinned.own
    begun = (t for t in facts.trials if t.state is not TrialState.WAITING and not own.is_foreign(t))
    study.add_trials([_plain(trial, names) for trial in begun])
    return study


def short_names(facts: Facts) -> Mapping[str, str]:
    """The last part of each searched field; the whole field where two would be called the same."""
    fields = sorted({field for trial in facts.trials for field in trial.params})
    parts = [last_part(field) for field in fields]
    return {f: p if parts.count(p) == 1 else f for f, p in zip(fields, parts, strict=True)}


def _plain(trial: FrozenTrial, names: Mapping[str, str]) -> FrozenTrial:
    plain = copy.copy(trial)
    # Other programs' queued values may lie outside, and Optuna adds no trial that has one.
    kinds = {f: kind for f, kind in trial.distributions.items() if holds(kind, trial.params[f])}
    plain.params = {names[field]: trial.params[field] for field in kinds}
    plain.distributions = {names[field]: kind for field, kind in kinds.items()}
    attrs = trial.system_attrs
    plain.system_attrs = {key: attrs[key] for key in attrs if key.startswith(CONSTRAINTS)}
    bad = trial.state is TrialState.FAIL or is_infeasible(trial)
    plain.user_attrs = {REASON: hide(reason_of(trial))} if bad else {}
    return plain
